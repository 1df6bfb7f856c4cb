import { randomInt } from 'node:crypto';
import { ExternalError } from '@papergate/config';
import type { ComposeModel } from '../../composition/index.ts';
import type { Host } from '../../host/types.ts';
import { portHolder } from '../../net/port-holder.ts';
import { LABEL } from './containers.ts';
import type { Docker } from './docker.ts';

/** A port that a release wants on the host's loopback. */
export interface WantedPort {
  service: string;
  port: number;
}

export function publishedPorts(...models: readonly ComposeModel[]): WantedPort[] {
  return models.flatMap(({ services }) =>
    Object.entries(services).flatMap(([service, { ports = [] }]) =>
      ports.flatMap(({ published }) => (published === undefined ? [] : [{ service, port: Number(published) }])),
    ),
  );
}

const LISTEN = '0A';

/** Ports on which somebody listens, out of Linux's tables: columns sl, local_address (hex address:port), rem, state. */
export function listeningPorts(table: string): Set<number> {
  const ports = new Set<number>();
  for (const line of table.split('\n')) {
    const [, local, , state] = line.trim().split(/\s+/);
    const port = /:([0-9A-F]{4})$/i.exec(local ?? '')?.[1];
    if (state === LISTEN && port !== undefined) ports.add(Number.parseInt(port, 16));
  }
  return ports;
}

async function listeningOn(host: Host): Promise<Set<number>> {
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((path) => host.files.read(path)));
  return listeningPorts(tables.join('\n'));
}

/** Below those that the kernel draws from for outgoing connections. */
const [FIRST, LAST] = [20_000, 31_999];

/** Free ports of another machine, one for each name. */
export async function drawPorts(host: Host, names: readonly string[]): Promise<Record<string, number>> {
  const taken = await listeningOn(host);
  const drawn = names.map((name): [string, number] => {
    let port = randomInt(FIRST, LAST + 1);
    while (taken.has(port)) port = randomInt(FIRST, LAST + 1);
    taken.add(port);
    return [name, port];
  });
  return Object.fromEntries(drawn);
}

interface Publisher {
  name: string;
  project: string;
  ports: number[];
}

/** Running containers with the ports that they publish, of all projects. */
async function publishers(docker: Docker, signal?: AbortSignal): Promise<Publisher[]> {
  const format = `{{.Names}}\t{{.Label "${LABEL.project}"}}\t{{.Ports}}`;
  const text = await docker.text('listing containers', ['ps', '--no-trunc', '--format', format], { signal });
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', project = '', ports = ''] = line.split('\t');
      return { name, project, ports: parsePorts(ports) };
    });
}

/** `127.0.0.1:5001->5001/tcp, 0.0.0.0:80-81->80-81/tcp`: the ports of the host. */
export function parsePorts(text: string): number[] {
  return [...text.matchAll(/:(\d+)(?:-(\d+))?->/g)].flatMap(([, first, last]) => {
    const from = Number(first);
    return Array.from({ length: Number(last ?? first) - from + 1 }, (_, at) => from + at);
  });
}

/**
 * Looks at every port that is to be published. One that this very project publishes is its own.
 * @throws ExternalError PORT_IN_USE naming each that is taken, and by what
 */
export async function checkPorts(
  { docker, host, project }: { docker: Docker; host: Host; project: string },
  wanted: readonly WantedPort[],
  signal?: AbortSignal,
): Promise<void> {
  const [listening, running] = await Promise.all([listeningOn(host), publishers(docker, signal)]);
  const taken = wanted.flatMap(({ service, port }) => {
    const publisher = running.find(({ ports }) => ports.includes(port));
    if (publisher?.project === project) return [];
    if (publisher === undefined && !listening.has(port)) return [];
    return [
      `${port} (${service}) is held by ${publisher === undefined ? processOn(host, port) : `the container ${publisher.name}`}`,
    ];
  });
  if (taken.length === 0) return;
  throw new ExternalError({
    code: 'PORT_IN_USE',
    message: `${taken.length === 1 ? 'a port that is to be published is' : 'ports that are to be published are'} in use: ${taken.join('; ')}`,
    fix: 'end what holds them, change the ports in config/system.<environment>.json and commit, or use --ports free',
  });
}

function processOn(host: Host, port: number): string {
  const holder = host.name === 'local' ? portHolder(port) : undefined;
  return holder === undefined
    ? `another process of ${host.name === 'local' ? 'this machine' : host.name}`
    : `process ${holder.pid}: ${holder.command}`;
}
