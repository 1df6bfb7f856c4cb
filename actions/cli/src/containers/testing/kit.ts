import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  checkManifest,
  containers,
  imageName,
  makeRelease,
  withImages,
  type ImageRef,
  type Manifest,
} from '@papergate/delivery';
import { bases } from './bases.ts';
import { cloneRepository, type Clone } from './clone.ts';
import { makeDeployer, type Deployer } from './deployer.ts';
import { docker, placeContainers, removeProject } from './docker.ts';
import { mustEnd, papergate, type Command } from './papergate.ts';
import { thinImage, type ThinChange } from './thin-image.ts';

/** A compose place of a test's own with this repository's commit delivered to it. */
export interface Kit {
  clone: Clone;
  /** PAPERGATE_HOME. */
  home: string;
  project: string;
  /** Folder of the place. */
  place: string;
  /** `127.0.0.1:PORT/NAMESPACE`. */
  registry: string;
  /** What `ship` delivered. */
  good: Manifest;
  /** What `ship` said. */
  shipped: string;
  /** Flags that name the place. */
  flags: string[];
  papergate(...args: string[]): Command;
  deploy: Deployer['deploy'];
  /**
   * A release on top of the good one: files that its commit changes, and images that differ from the good ones by a
   * layer. Nothing is built.
   */
  release(change: {
    files?: Readonly<Record<string, string | undefined>>;
    images?: Readonly<Record<string, ThinChange>>;
  }): Promise<Manifest>;
  /** Text of a manifest's file, for `--manifest`. */
  file(manifest: unknown): string;
  /** Id of a service's running container. */
  container(service: string): string;
  /** Rows of the bundle's database, columns separated by `|`. */
  sql(text: string): string[];
  /** The token that the front door wants. */
  token(): string | undefined;
  /** Base URL of a service's published port. */
  url(service: string): string;
  remove(): Promise<void>;
}

export interface KitOptions {
  /** Flags of `ship` beside those of the place; default: no load. */
  ship?: string[];
  env?: Readonly<Record<string, string>>;
  /** Beginning of the project's name. */
  name?: string;
  /** Address of another registry than the one of this test run. */
  registry?: string;
}

/** Delivers the commit with `papergate ship --target compose`: built, pushed, deployed and smoke-tested. */
export async function makeKit(options: KitOptions = {}): Promise<Kit> {
  const { ship = ['--load', 'none'], env = {}, name = 'test', registry: address = containers().registry } = options;
  const id = randomBytes(4).toString('hex');
  const project = `papergate-${name}-${id}`;
  const registry = `${address}/${name}-${id}`;
  const home = mkdtempSync(join(tmpdir(), 'papergate-home-'));
  const clone = await cloneRepository();
  const flags = ['--target', 'compose', '--project', project];
  const run = (...args: string[]): Command => papergate({ repository: clone.dir, home, env }, ...args);
  const deployer = makeDeployer({ project, home, clone });
  const remove = async (): Promise<void> => {
    await deployer.stop();
    removeProject(project);
    removeImages(registry);
    rmSync(home, { recursive: true, force: true });
    clone.remove();
  };
  try {
    const { node, postgres } = await bases();
    const bundle = ['--registry', registry, '--node-image', node, '--postgres-image', postgres];
    const shipping = run('ship', ...flags, ...bundle, '--ports', 'free', ...ship);
    const { stdout, stderr } = await mustEnd(shipping);
    const place = join(home, 'places', project);
    const good = newest(place);
    const ground = { clone, home, project, place, registry, good, flags, run };
    return { ...kit(ground), deploy: deployer.deploy, shipped: stdout + stderr, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

type Ground = Pick<Kit, 'clone' | 'home' | 'project' | 'place' | 'registry' | 'good' | 'flags'> & {
  run: Kit['papergate'];
};

function kit(ground: Ground): Omit<Kit, 'deploy' | 'shipped' | 'remove'> {
  const { clone, home, project, place, good, run } = ground;
  let number = 0;
  const dir = join(home, 'test');
  mkdirSync(dir, { recursive: true });
  const container = (service: string): string => {
    const [found] = placeContainers(project).filter((seen) => seen.service === service && seen.running);
    if (found === undefined) throw new Error(`${service} does not run`);
    return found.id;
  };
  return {
    ...ground,
    papergate: run,
    release: ({ files = {}, images = {} }) => {
      number += 1;
      const commit = clone.commit(`release ${number}`, files);
      return thinRelease({ clone, home, good, commit, images, tag: `thin-${number}` });
    },
    file: (manifest) => {
      number += 1;
      const path = join(dir, `manifest-${number}.json`);
      writeFileSync(path, typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
      return path;
    },
    container,
    sql: (text) =>
      docker('exec', container('postgres'), ...psql(text))
        .split('\n')
        .filter((line) => line !== ''),
    token: () => {
      try {
        return readFileSync(join(place, 'secrets', 'API_TOKEN'), 'utf8').trim();
      } catch {
        return undefined;
      }
    },
    url: (service) => `http://${publishedPort(container(service))}`,
  };
}

/** Inside the container of PostgreSQL, which trusts nobody but its own superuser on the socket. */
export const psql = (text: string): string[] => [
  'sh',
  '-c',
  'PGPASSWORD=$(cat /run/secrets/POSTGRES_PASSWORD) exec psql -h 127.0.0.1 -U postgres -d papergate -Atqc "$0"',
  text,
];

function publishedPort(id: string): string {
  const [line] = docker('port', id).split('\n');
  const address = line?.split(' -> ')[1];
  if (address === undefined) throw new Error(`${id} publishes no port`);
  return address;
}

interface ThinRelease {
  clone: Clone;
  home: string;
  good: Manifest;
  commit: string;
  images: Readonly<Record<string, ThinChange>>;
  tag: string;
}

async function thinRelease({ clone, home, good, commit, images, tag }: ThinRelease): Promise<Manifest> {
  const { manifest } = await makeRelease(clone.dir, join(home, 'test', 'releases'), commit);
  const refs: Record<string, ImageRef> = { ...good.images };
  for (const [service, change] of Object.entries(images)) {
    const base = good.images?.[service];
    if (base === undefined) throw new Error(`the good release has no image of ${service}`);
    const labels = [`LABEL org.opencontainers.image.revision=${commit}`, ...(change.change ?? [])];
    refs[service] = thinImage(imageName(base), base.repository, tag, { ...change, change: labels });
  }
  return withImages(manifest, refs);
}

/** The manifest at the head of a place's history. */
export function newest(place: string): Manifest {
  const history = JSON.parse(readFileSync(join(place, 'history.json'), 'utf8')) as {
    releases: { manifest: unknown }[];
  };
  return checkManifest(history.releases[0]?.manifest, 'the newest release');
}

/** Images of a registry's namespace, by whatever tag or digest the engine knows them. */
export function removeImages(namespace: string): void {
  const ids = docker('images', '--no-trunc', '--format', '{{.Repository}} {{.ID}}')
    .split('\n')
    .filter((line) => line.startsWith(`${namespace}/`))
    .map((line) => line.split(' ')[1] ?? '');
  if (ids.length > 0) docker('rmi', '-f', ...new Set(ids));
}
