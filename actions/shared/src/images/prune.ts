import { docker, runDocker, type DockerEnv } from './docker/run.ts';

export interface PruneBuildsOptions {
  env: DockerEnv;
  /** Commits whose builds stay whatever their age. */
  keep: readonly string[];
  /** So many of the others stay, the last built ones. */
  newest?: number;
  /** Younger ones stay too: another run may be about to push them. */
  minAgeMs?: number;
  now?: () => number;
  signal?: AbortSignal | undefined;
}

const HOUR = 3_600_000;
const BUILT = /^(papergate\/[a-z-]+):([0-9a-f]{40}(?:[0-9a-f]{24})?)$/;

/**
 * Takes the names of old builds away, so that the disk of a machine that builds stays flat; what has another name (one of
 * a registry) stays under that. The engine bounds its build cache by itself.
 * @returns the names that are gone
 */
export async function pruneBuilds(options: PruneBuildsOptions): Promise<string[]> {
  const { env, keep, newest = 4, minAgeMs = HOUR, now = Date.now, signal } = options;
  const names = (
    await docker(['image', 'ls', '--filter', 'reference=papergate/*', '--format', '{{.Repository}}:{{.Tag}}'], {
      env,
      signal,
    })
  )
    .split('\n')
    .filter((name) => BUILT.test(name));
  if (names.length === 0) return [];
  const { stdout } = await runDocker(['image', 'inspect', ...names], { env, signal });
  const gone = obsolete(timesOf(stdout, names), { keep, newest, before: now() - minAgeMs });
  if (gone.length > 0) await runDocker(['rmi', ...gone], { env, signal });
  return gone;
}

/** When each name was given last, ms since 1970. */
function timesOf(inspected: string, names: readonly string[]): Map<string, number> {
  const found = JSON.parse(inspected === '' ? '[]' : inspected) as {
    RepoTags?: string[] | null;
    Metadata?: { LastTagTime?: string };
  }[];
  const wanted = new Set(names);
  return new Map(
    found.flatMap(({ RepoTags, Metadata }) => {
      const time = Date.parse(Metadata?.LastTagTime ?? '');
      return (RepoTags ?? []).filter((tag) => wanted.has(tag)).map((tag): [string, number] => [tag, time]);
    }),
  );
}

/** Of the names with their times those that go. A time that is not known is no reason to go. */
export function obsolete(
  times: ReadonlyMap<string, number>,
  { keep, newest, before }: { keep: readonly string[]; newest: number; before: number },
): string[] {
  const commits = new Map<string, { names: string[]; last: number }>();
  for (const [name, time] of times) {
    const commit = BUILT.exec(name)?.[2];
    if (commit === undefined || keep.includes(commit)) continue;
    const known = commits.get(commit) ?? { names: [], last: 0 };
    const last = Number.isNaN(time) ? Number.POSITIVE_INFINITY : Math.max(known.last, time);
    commits.set(commit, { names: [...known.names, name], last });
  }
  return [...commits.values()]
    .sort((a, b) => (a.last === b.last ? 0 : b.last - a.last))
    .slice(newest)
    .filter(({ last }) => last < before)
    .flatMap(({ names }) => names);
}
