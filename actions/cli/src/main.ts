import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describeError, EXIT, PapergateError } from '@papergate/config';
import { homeOf, INSTALLED_STAGES, INTERRUPTED, makeHome, redact, type Home } from '@papergate/delivery';
import { makeAsk } from './confirm.ts';
import type { CommandContext } from './context.ts';
import { listenToInterrupts } from './interrupts.ts';
import { makeOutput } from './output.ts';
import { buildProgram, runProgram } from './program.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const { version } = JSON.parse(readFileSync(`${repository}/package.json`, 'utf8')) as { version: string };
const args = process.argv.slice(2);

// A reader that has gone (`papergate logs | head`) is no defect of ours.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

let home: Home | undefined;
const interrupts = listenToInterrupts(process);
const context: CommandContext = {
  repository,
  env: process.env,
  output: makeOutput(process.stdout, process.stderr, process.env),
  interrupts,
  ask: makeAsk(process.stdin, process.stderr, interrupts.stop),
  home: () => (home ??= makeHome(homeOf(repository, process.env['PAPERGATE_HOME']))),
  stages: INSTALLED_STAGES,
  setExitCode: (code) => (process.exitCode = code),
};

try {
  await runProgram(buildProgram(context, version), args, context);
} catch (error) {
  const interrupted = context.interrupts.stop.aborted && !(error instanceof PapergateError);
  const text = interrupted ? 'interrupted' : redact(describeError(error));
  context.output.err(text);
  if (args.includes('--json') && error instanceof PapergateError) {
    const { code, message, fix } = error;
    context.output.out(JSON.stringify({ error: { code, message: redact(message), fix } }));
  }
  process.exitCode = interrupted ? INTERRUPTED : error instanceof PapergateError ? error.exitCode : EXIT.external;
} finally {
  context.interrupts.release();
}
