import { appendFileSync } from 'node:fs';
import type { EnvSource } from '@papergate/config';
import type { RunnerCommands } from './commands.ts';

/** What an action has around it: the runner and its process. */
export interface Surroundings {
  env: EnvSource;
  commands: RunnerCommands;
  /** Takes a variable out of the process, so that nothing it starts gets to see it. */
  forget(variable: string): void;
  appendSummary(markdown: string): void;
  /** A cancelled job: the runner sends SIGINT, 7.5 s later SIGTERM, 2.5 s later it kills. */
  onCancel(listener: () => void): void;
  /** What was thrown where nobody waited for it. */
  onDefect(listener: (thrown: unknown) => void): void;
  exit(code: 0 | 1): void;
}

/** The real ones. GitHub's toolkit is loaded here, so that only actions pay for it. */
export async function processSurroundings(): Promise<Surroundings> {
  const { coreCommands } = await import('./commands.ts');
  return {
    env: { ...process.env },
    commands: coreCommands,
    forget: (variable) => {
      delete process.env[variable];
    },
    appendSummary: (markdown) => {
      const path = process.env['GITHUB_STEP_SUMMARY'] ?? '';
      if (path !== '') appendFileSync(path, markdown);
    },
    onCancel: (listener) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, listener);
    },
    onDefect: (listener) => {
      process.on('uncaughtException', listener);
      process.on('unhandledRejection', listener);
    },
    exit: (code) => {
      process.exitCode = code;
      // Sockets that are kept alive must not keep the job waiting; what is written has to get out first.
      process.stdout.write('', () => process.exit());
    },
  };
}
