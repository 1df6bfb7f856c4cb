import { EXIT, PapergateError, type Environment } from '@papergate/config';
import type { ComposeModel } from '../../composition/index.ts';
import type { Fence, Place } from '../../deliver/types.ts';
import type { OnProgress, StageResult } from '../../evidence/index.ts';
import type { HostResult, HostRun } from '../../host/types.ts';
import type { Manifest } from '../../release/manifest.ts';
import { watchSmoke } from '../../smoke/index.ts';
import { redact } from '../../supervisor/redact.ts';
import { containersOf, type Container } from './containers.ts';
import { lastWords, type Docker } from './docker.ts';
import { releasePaths } from './paths.ts';

/** Time that what is told to end gets to put back what it changed, s. */
const PATIENCE_S = 10;

interface Where {
  docker: Docker;
  place: Place;
  model: ComposeModel;
}

/** Containers of a one-off that a killed deployer left, or that are at work. */
async function left({ docker, place }: Where, service: string): Promise<Container[]> {
  const all = await containersOf(docker, { project: place.project, service });
  return all.filter(({ oneOff }) => oneOff);
}

async function removeLeft(where: Where, service: string): Promise<void> {
  const ids = (await left(where, service)).map(({ id }) => id);
  if (ids.length > 0) await where.docker.run(['rm', '-f', '-v', ...ids]);
}

/** Runs a service of the release once, in a container of its own that is gone afterwards. */
async function runOnce(
  where: Where,
  manifest: Manifest,
  service: string,
  command: readonly string[],
  fence: Fence | undefined,
  run: HostRun,
): Promise<HostResult> {
  const { docker, place, model } = where;
  if (fence !== undefined) {
    await fence.assertHeld();
    await removeLeft(where, service);
  }
  const files = ['-p', model.name, '-f', releasePaths(place, manifest.digest).compose];
  const args = ['compose', ...files, 'run', '--rm', '-T', '--no-deps', service, ...command];
  return docker.run(args, { timeoutMs: 24 * 3_600_000, ...run });
}

/**
 * Brings the database to the release's schema with its own migrations.
 * @throws PapergateError MIGRATION_FAILED with the words of the migrations
 */
export async function migrateWith(
  where: Where,
  manifest: Manifest,
  fence: Fence,
  secrets: readonly string[],
  signal?: AbortSignal,
): Promise<{ applied: string[] }> {
  let result;
  try {
    result = await runOnce(where, manifest, 'migrate', [], fence, { signal });
  } catch (error) {
    await endMigration(where);
    throw error;
  }
  const { code, stdout, stderr } = result;
  if (code === 0) return { applied: appliedIn(stdout) };
  const words = redact(lastWords(stderr, 8), secrets);
  throw new PapergateError({
    code: 'MIGRATION_FAILED',
    exitCode: EXIT.blocked,
    message: `the migrations of ${manifest.commit.slice(0, 12)} ended with ${code ?? 'a signal'}: ${words}`,
    fix: 'mend the migration that is named; nothing of it was kept',
  });
}

/** A statement goes on in the server when its client has gone; what it has locked would stay so. */
async function endMigration(where: Where): Promise<void> {
  const { docker, place } = where;
  const [migration] = await left(where, 'migrate');
  if (migration === undefined) return;
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}';
  const found = await docker.run(['container', 'inspect', '--format', format, migration.id]);
  const addresses = found.stdout.split(/\s+/).filter((address) => /^[0-9a-f.:]+$/i.test(address));
  await removeLeft(where, 'migrate');
  const [postgres] = (await containersOf(docker, { project: place.project, service: 'postgres' })).filter(
    ({ running }) => running,
  );
  if (postgres === undefined) return;
  for (const address of addresses) {
    const sql = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_addr = '${address}'`;
    await docker.run(['exec', postgres.id, 'psql', '-X', '-q', '-U', 'postgres', '-d', 'postgres', '-c', sql]);
  }
}

/** Names of the migrations that were applied, out of the one JSON line that they print. */
export function appliedIn(stdout: string): string[] {
  for (const line of stdout.trim().split('\n').toReversed()) {
    if (!line.startsWith('{')) continue;
    try {
      const { applied } = JSON.parse(line) as { applied?: unknown };
      if (Array.isArray(applied)) return applied.map(String);
    } catch {
      // Another line that only looks like it.
    }
  }
  return [];
}

/** The release's own smoke test, from within its network, judged as everywhere. */
export async function smokeWith(
  where: Where,
  manifest: Manifest,
  {
    timeoutS,
    onProgress,
    environment,
  }: { timeoutS: number | undefined; onProgress: OnProgress; environment: Environment },
  signal?: AbortSignal,
): Promise<StageResult> {
  signal?.throwIfAborted();
  const own = where.model.services['smoke']?.command ?? [];
  const command = timeoutS === undefined ? [] : [...own, '--timeout', String(timeoutS)];
  const watch = watchSmoke(onProgress, environment);
  // It is asked to end within its container: it still has to put back what it changed.
  const onAbort = (): void => {
    void left(where, 'smoke')
      .then((found) => where.docker.run(['stop', '-t', String(PATIENCE_S), ...found.map(({ id }) => id)]))
      .catch(() => undefined);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const { code, stderr } = await runOnce(where, manifest, 'smoke', command, undefined, { onLine: watch.onLine });
    signal?.throwIfAborted();
    const stderrTail = stderr
      .trim()
      .split('\n')
      .filter((line) => line !== '');
    return watch.judge({ code, endedBy: undefined, stderrTail });
  } finally {
    signal?.removeEventListener('abort', onAbort);
    await removeLeft(where, 'smoke');
  }
}
