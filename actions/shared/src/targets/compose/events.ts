import type { Docker } from './docker.ts';

/** How a container ended last, where it runs again by now: the engine's description of it has forgotten that. */
export interface PastEnd {
  exitCode: number;
  oomKilled: boolean;
}

interface EngineEvent {
  Action?: string;
  Actor?: { Attributes?: Record<string, string> };
}

/** Out of one JSON object a line, oldest first: the last end. */
export function lastEndIn(text: string): PastEnd | undefined {
  let oomKilled = false;
  let end: PastEnd | undefined;
  for (const line of text.split('\n')) {
    if (!line.startsWith('{')) continue;
    const { Action, Actor } = JSON.parse(line) as EngineEvent;
    if (Action === 'oom') oomKilled = true;
    if (Action !== 'die') continue;
    end = { exitCode: Number(Actor?.Attributes?.['exitCode'] ?? Number.NaN), oomKilled };
    oomKilled = false;
  }
  return end;
}

/**
 * Asks the engine's record of the last events, which is short: undefined where it is not in there any more.
 * @param from ms since 1970 by the host's clock, as is `to`
 */
export async function lastEnd(docker: Docker, id: string, from: number, to: number): Promise<PastEnd | undefined> {
  const time = (ms: number): string => (ms / 1000).toFixed(3);
  const filters = [`container=${id}`, 'event=die', 'event=oom'].flatMap((filter) => ['--filter', filter]);
  const span = ['--since', time(from), '--until', time(to)];
  const { code, stdout } = await docker.run(['events', ...span, ...filters, '--format', '{{json .}}'], {
    timeoutMs: 5_000,
  });
  return code === 0 ? lastEndIn(stdout) : undefined;
}
