import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Command } from 'commander';
import { machineEnvironment } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';

/** The simulator is a service and services run as processes; its flags are its own, so they are passed on as they are. */
export function addExchange(program: Command, context: CommandContext): void {
  program
    .command('exchange')
    .description('the exchange simulator alone: an Alpaca for tests (its flags: papergate exchange --help)')
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .argument('[flags...]')
    .action((flags: string[]) => runExchange(flags, context));
}

async function runExchange(
  flags: string[],
  { repository, env, interrupts, setExitCode }: CommandContext,
): Promise<void> {
  const entry = join(repository, 'services', 'paper-exchange', 'src', 'standalone.ts');
  // It ends when the pipe on its stdin does, so it cannot outlive us.
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', entry, ...flags, '--watch-stdin'], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: machineEnvironment(env),
  });
  child.stdin.on('error', () => {});
  const stop = (): boolean => child.kill('SIGTERM');
  interrupts.stop.addEventListener('abort', stop, { once: true });
  interrupts.hurry.addEventListener('abort', () => child.kill('SIGKILL'), { once: true });
  const [code] = (await once(child, 'exit')) as [number | null];
  setExitCode(code ?? 3);
}
