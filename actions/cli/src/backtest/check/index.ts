import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Environment } from '@papergate/config';
import type { LookLine, StrategyProblem } from './look.ts';

export type { StrategyProblem } from './look.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
/** Loading a plug-in takes a fraction of a second. */
const LIMIT_MS = 20_000;
const LONGEST_WORDS = 300;

/**
 * What is wrong with the strategies of a configuration, by their own words: in a process of its own, without keys and tokens,
 * which ends after `limitMs`, since a plug-in is code that may do anything.
 */
export async function strategyProblems({
  repository,
  environment,
  signal,
  limitMs = LIMIT_MS,
}: {
  repository: string;
  environment: Environment;
  signal: AbortSignal;
  limitMs?: number;
}): Promise<StrategyProblem[]> {
  const folder = join(repository, 'services/signal-bridge/strategies');
  const late = AbortSignal.timeout(limitMs);
  const child = spawn(process.execPath, ['--no-warnings', MAIN, join(repository, 'config'), environment, folder], {
    cwd: repository,
    env: {},
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    signal: AbortSignal.any([signal, late]),
    killSignal: 'SIGKILL',
  });
  const ended = once(child, 'close').catch(() => undefined);
  const [lines, words] = await Promise.all([text(child.stdio[3] as Readable), text(child.stdio[2] as Readable), ended]);
  signal.throwIfAborted();
  const told = lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LookLine);
  const problems = told.flatMap((line) => ('problem' in line ? [line.problem] : []));
  if (told.some((line) => 'end' in line)) return problems;
  const at = told.flatMap((line) => ('at' in line ? [line.at] : [])).at(-1);
  const how = late.aborted ? `it was not done after ${limitMs / 1000} s` : `it ended the process: ${lastWords(words)}`;
  return [...problems, neverEnded(at ?? 'the first', how)];
}

const neverEnded = (name: string, how: string): StrategyProblem => ({
  code: 'STRATEGY_BROKEN',
  message: `strategy "${name}": it cannot be loaded: ${how}`,
  fix: 'mend the plug-in: loading it and creating it has to end at once',
});

function lastWords(words: string): string {
  const error = words.split('\n').find((line) => /^\w*Error\b/.test(line)) ?? words.trim();
  return error === '' ? 'it said nothing' : error.slice(0, LONGEST_WORDS);
}
