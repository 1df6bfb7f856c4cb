import { PassThrough, type Readable } from 'node:stream';
import { ExternalError } from '@papergate/config';
import type { Host, HostResult } from '../host/types.ts';

/** A Prometheus and the folder of its database. */
export interface MetricsStore {
  /** Base URL that this process reaches. */
  readonly url: string;
  /** Name of the project, for the export's head. */
  readonly project: string;
  /** Who owns the files of its database. */
  readonly owner: { uid: number; gid: number };
  /** A tar of one snapshot's folder. */
  openSnapshot(name: string): Readable;
  removeSnapshot(name: string): Promise<void>;
  /** Stops Prometheus, puts the entries of the tar into its data folder, and starts it again, also where that fails. */
  addBlocks(tar: Readable): Promise<void>;
}

const DATA = '/prometheus';
const PROMETHEUS_USER = { uid: 65534, gid: 65534 };
const STOP_PATIENCE_S = '60';
const COPY_TIMEOUT_MS = 30 * 60_000;

/** The Prometheus of a compose place, found by its labels. @throws ExternalError PROMETHEUS_MISSING */
export async function composeMetricsStore(options: {
  host: Pick<Host, 'run'>;
  project: string;
  /** Where its published port is reached from here. */
  url: string;
}): Promise<MetricsStore> {
  const { host, project, url } = options;
  const container = await findContainer(host, project);
  const docker = async (...args: string[]): Promise<void> => {
    const result = await host.run('docker', args);
    if (result.code !== 0) throw failed(`docker ${args[0]}`, result);
  };
  return {
    url,
    project,
    owner: PROMETHEUS_USER,
    openSnapshot(name) {
      const stdout = new PassThrough();
      const copy = async (): Promise<void> => {
        const args = ['cp', `${container}:${DATA}/snapshots/${name}`, '-'];
        const result = await host.run('docker', args, { stdout, timeoutMs: COPY_TIMEOUT_MS });
        if (result.code !== 0) throw failed('docker cp', result);
        if (!stdout.writableEnded) stdout.end();
      };
      copy().catch((error: unknown) => stdout.destroy(error instanceof Error ? error : new Error(String(error))));
      return stdout;
    },
    removeSnapshot: (name) => docker('exec', container, 'rm', '-r', '--', `${DATA}/snapshots/${name}`),
    async addBlocks(tar) {
      await docker('stop', '-t', STOP_PATIENCE_S, container);
      try {
        const result = await host.run('docker', ['cp', '-', `${container}:${DATA}`], {
          stdin: tar,
          timeoutMs: COPY_TIMEOUT_MS,
        });
        if (result.code !== 0) throw failed('docker cp', result);
      } finally {
        await docker('start', container);
      }
    },
  };
}

async function findContainer(host: Pick<Host, 'run'>, project: string): Promise<string> {
  const label = (name: string, value: string): string[] => ['--filter', `label=com.papergate.${name}=${value}`];
  const args = [
    'ps',
    '--all',
    '--quiet',
    '--no-trunc',
    ...label('project', project),
    ...label('service', 'prometheus'),
  ];
  const result = await host.run('docker', args);
  if (result.code !== 0) throw failed('docker ps', result);
  const [container, ...others] = result.stdout.split('\n').filter((line) => line !== '');
  if (container !== undefined && others.length === 0) return container;
  throw new ExternalError({
    code: 'PROMETHEUS_MISSING',
    message: `project ${project} has ${container === undefined ? 'no' : `${others.length + 1}`} containers of Prometheus, where one is needed`,
    fix: 'deploy with --monitoring first',
  });
}

function failed(command: string, { code, stderr }: HostResult): ExternalError {
  const said = stderr.trim().split('\n').at(-1) ?? '';
  return new ExternalError({
    code: 'PROMETHEUS_FAILED',
    message: `${command} of Prometheus’s container ended with ${code ?? 'a signal'}: ${said === '' ? 'it said nothing' : said}`,
  });
}
