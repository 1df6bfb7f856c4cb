import { describeError, PapergateError } from '@papergate/config';
import { HELP, readFlags } from './standalone/flags.ts';
import { describe, startStandalone } from './standalone/run.ts';

// `papergate exchange`: the exchange alone, until Ctrl-C.
const fail = (error: unknown): never => {
  process.stderr.write(`papergate exchange: ${describeError(error)}\n`);
  process.exit(error instanceof PapergateError ? error.exitCode : 3);
};

try {
  const flags = readFlags(process.argv.slice(2));
  if (flags.help) {
    process.stdout.write(`${HELP}\n`);
    process.exit(0);
  }
  const running = await startStandalone(flags, fail);
  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    running.close().then(() => process.exit(0), fail);
  };
  process.on('SIGINT', end).on('SIGTERM', end);
  if (flags.watchStdin) process.stdin.on('end', end).on('error', end).resume();
  process.stdout.write(`${flags.json ? JSON.stringify(running.announcement) : describe(running.announcement)}\n`);
} catch (error) {
  fail(error);
}
