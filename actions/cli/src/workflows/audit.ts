import { messageOf } from '@papergate/config';
import { digestOf, run } from '@papergate/delivery';

/** Severities of npm, the worst last. */
export const SEVERITIES = ['low', 'moderate', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** As the gate to production wants it: npm's own output says neither when nor of which lock file. */
export interface DependencyAudit {
  schema: 1;
  /** RFC 3339 UTC. */
  taken_at: string;
  /** As a release's manifest has it. */
  lockfile_digest: string;
  /** What npm printed. */
  report: unknown;
}

/**
 * What `npm audit` says of the checkout's lock file, with when it was and of which lock file. What npm could not do is in
 * the report, in npm's own words: the gate blocks on it.
 */
export async function auditDependencies(
  repository: string,
  { env, now, signal }: { env: NodeJS.ProcessEnv; now: Date; signal?: AbortSignal },
): Promise<DependencyAudit> {
  const { stdout, stderr } = await run('npm', ['audit', '--json', '--package-lock-only'], {
    cwd: repository,
    env,
    signal,
  });
  let report: unknown;
  try {
    report = JSON.parse(stdout);
  } catch (error) {
    report = { error: { summary: stderr.trim().slice(-500) || messageOf(error) } };
  }
  return {
    schema: 1,
    taken_at: now.toISOString(),
    lockfile_digest: digestOf(repository, ['package-lock.json']),
    report,
  };
}

/**
 * How many vulnerabilities of this severity or a worse one; undefined where npm gave no result, which is not none.
 */
export function found({ report }: DependencyAudit, least: Severity): number | undefined {
  const { metadata } = report as { metadata?: { vulnerabilities?: Record<string, unknown> } };
  const counted = metadata?.vulnerabilities;
  if (counted === undefined) return undefined;
  let sum = 0;
  for (const severity of SEVERITIES.slice(SEVERITIES.indexOf(least))) {
    const count = counted[severity];
    if (typeof count !== 'number') return undefined;
    sum += count;
  }
  return sum;
}
