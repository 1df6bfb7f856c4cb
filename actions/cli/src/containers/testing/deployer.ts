import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { PapergateError, type ExitCode } from '@papergate/config';
import type { DeliverOptions, DeliverOutcome, Manifest } from '@papergate/delivery';
import type { Clone } from './clone.ts';

/** What a kit knows of its place. */
export interface Where {
  project: string;
  home: string;
  clone: Pick<Clone, 'dir'>;
}

export type More = Pick<Partial<DeliverOptions>, 'patience' | 'smoke'>;

export interface Job {
  where: Where;
  next: Manifest;
  more: More;
}

/** What a deploy refused with, or broke by: an error in words, since its class does not cross over. */
export interface Thrown {
  name: string;
  message: string;
  stack: string | undefined;
  code?: string;
  exitCode?: ExitCode;
  fix?: string;
}

export type Answer = { outcome: DeliverOutcome } | { thrown: Thrown };

/** Deploys to a place of a test, one after the other. */
export interface Deployer {
  /** `papergate deploy --manifest` with no more than its deploy. */
  deploy(next: Manifest, more?: More): Promise<DeliverOutcome>;
  stop(): Promise<void>;
}

/**
 * A deploy asks the engine some seventy times, each time with a process, and to fork a test runner with its hundreds
 * of megabytes takes longer than what is then run. So one lean process does all deploys of a test file.
 */
export function makeDeployer(where: Where): Deployer {
  const { project, home, clone } = where;
  let child: ChildProcess | undefined;
  return {
    deploy: async (next, more = {}) => {
      child ??= start();
      const job: Job = { where: { project, home, clone: { dir: clone.dir } }, next, more };
      const answered = new AbortController();
      const { signal } = answered;
      try {
        const answer = once(child, 'message', { signal }) as Promise<[Answer]>;
        const ended = once(child, 'exit', { signal }).then(([code]): never => {
          throw new Error(`the process that deploys ended with ${String(code)}`);
        });
        child.send(job);
        const [told] = await Promise.race([answer, ended]);
        if ('outcome' in told) return told.outcome;
        throw errorOf(told.thrown);
      } finally {
        answered.abort();
      }
    },
    stop: async () => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

const start = (): ChildProcess =>
  fork(fileURLToPath(new URL('deployer-main.ts', import.meta.url)), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: { ...process.env, NODE_OPTIONS: '' },
    // Maps and what is undefined come over as they are.
    serialization: 'advanced',
  });

function errorOf({ name, message, stack, code, exitCode, fix }: Thrown): Error {
  const error =
    code === undefined || exitCode === undefined
      ? new Error(message)
      : new PapergateError({ code, exitCode, message, ...(fix === undefined ? {} : { fix }) });
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}
