import { ExternalError } from '@papergate/config';
import type { Fence } from '../../deliver/types.ts';
import type { Manifest } from '../../release/manifest.ts';
import { probeReadiness } from '../../supervisor/readiness.ts';
import { LABEL } from './containers.ts';
import { lastWords, type Docker } from './docker.ts';
import { drainGroups } from './waves.ts';
import { dockerFailed, notPrepared, startFailed } from './errors.ts';

/** Beyond the patience of any service; the engine's own limit of a stop is that of its container. */
const STOP_MS = 120_000;
const START_MS = 60_000;

export interface Seen {
  id: string;
  state: string;
  service: string;
  manifest: string;
  oneOff: boolean;
}

/** What there is of some services, by one call: this is asked while order intake is away. */
export async function seen(docker: Docker, project: string): Promise<Seen[]> {
  const label = (name: string): string => `{{.Label "${name}"}}`;
  const columns = ['{{.ID}}', '{{.State}}', LABEL.service, LABEL.manifest, 'com.docker.compose.oneoff'];
  const format = columns.map((column) => (column.startsWith('{{') ? column : label(column))).join('\t');
  const filter = `label=${LABEL.project}=${project}`;
  const args = ['ps', '-a', '--no-trunc', '--filter', filter, '--format', format];
  const text = await docker.text('listing containers', args);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [id = '', state = '', service = '', manifest = '', oneOff = ''] = line.split('\t');
      return { id, state, service, manifest, oneOff: oneOff === 'True' };
    })
    .filter(({ manifest, oneOff }) => manifest !== '' && !oneOff);
}

const runs = ({ state }: Seen): boolean => state === 'running' || state === 'restarting' || state === 'paused';

/**
 * Asks all running containers of these services to end, of whatever release, and waits until they have; the engine
 * ends those that do not listen after the patience that stands in their definition.
 */
export async function stopServices(
  { docker, project }: { docker: Docker; project: string },
  services: readonly string[],
  fence: Fence,
): Promise<void> {
  const running = (await seen(docker, project)).filter(runs);
  for (const group of drainGroups(services)) {
    const own = running.filter(({ service }) => group.includes(service));
    if (own.length === 0) continue;
    await fence.assertHeld();
    await stopContainers(docker, own);
  }
}

async function stopContainers(docker: Docker, containers: readonly Seen[]): Promise<void> {
  const { code, stderr } = await docker.run(['stop', ...containers.map(({ id }) => id)], { timeoutMs: STOP_MS });
  // One that ended by itself between the list and the question is as it should be; others were stopped all the same.
  const words = stderr.split('\n').filter((line) => line.trim() !== '');
  if (code === 0 || (words.length > 0 && words.every((line) => /no such container|is not running/i.test(line)))) return;
  throw dockerFailed(`stopping ${containers.map(({ service }) => service).join(', ')}`, lastWords(stderr));
}

/**
 * Starts the container of one service. One that runs and is ready stays as it is; one that runs and is not may be on
 * its way down by a stop that its deployer did not live to see: it is waited for, and started again.
 * @returns its id
 */
export async function startService(
  { docker, url, list }: { docker: Docker; url: string; list: () => Promise<Seen[]> },
  manifest: Manifest,
  service: string,
  fence: Fence,
): Promise<string> {
  const all = (await list()).filter((found) => found.service === service);
  const own = all.find((found) => found.manifest === manifest.digest);
  if (own === undefined) throw notPrepared(service, manifest.digest);
  const other = all.find((found) => found !== own && runs(found));
  if (other !== undefined) throw stillRunning(service, other.manifest);
  if (runs(own)) {
    if ((await probeReadiness(url, manifest.commit)) === true) return own.id;
    await fence.assertHeld();
    await stopContainers(docker, [own]);
  }
  await fence.assertHeld();
  const { code, stderr } = await docker.run(['start', own.id], { timeoutMs: START_MS });
  if (code !== 0) throw startFailed(service, startWords(stderr));
  return own.id;
}

function stillRunning(service: string, manifest: string): ExternalError {
  return new ExternalError({
    code: 'STILL_RUNNING',
    message: `${service} of release ${manifest.slice(0, 19)} still runs; none is started beside it`,
    fix: 'deploy again: that ends what should not run',
  });
}

/** The engine's words without its wrapping, and without the id that only it knows. */
const startWords = (stderr: string): string =>
  lastWords(stderr.replaceAll(/Error response from daemon: |Error: failed to start containers: [0-9a-f]+\s*/g, ''));
