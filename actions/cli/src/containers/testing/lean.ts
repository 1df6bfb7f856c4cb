import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { containers, makeRelease, withImages, type ImageRef, type Manifest } from '@papergate/delivery';
import { bases } from './bases.ts';
import { cloneRepository, type Clone } from './clone.ts';
import { makeDeployer, type Deployer } from './deployer.ts';
import { removeProject } from './docker.ts';
import { SERVICES } from './services.ts';
import { removeImages } from './kit.ts';
import { papergate, type Command } from './papergate.ts';
import { standIn, standInSmoke, STAND_IN_MIGRATE, type StandInFault } from './stand-in.ts';
import { thinImage } from './thin-image.ts';

/** What is wrong with a lean release, and with which of its services; without a service: with all. */
export interface LeanChange {
  fault?: StandInFault;
  service?: string;
  slowMs?: number;
  /** A check that its smoke test says no to. */
  smokeFails?: string;
  /** Bytes of its own that the image holds, to be seen where disk is counted. */
  ballast?: number;
}

/** A compose place for releases of stand-ins, which need a second where real ones need ten. */
export interface LeanKit {
  clone: Clone;
  home: string;
  project: string;
  place: string;
  registry: string;
  flags: string[];
  papergate(...args: string[]): Command;
  deploy: Deployer['deploy'];
  /** A release of stand-ins: one image for all services, one layer on the Node base. */
  lean(change?: LeanChange): Promise<Manifest>;
  file(manifest: unknown): string;
  remove(): Promise<void>;
}

const HEALTH = `
const { readFileSync } = await import('node:fs');
const env = process.env;
const system = JSON.parse(readFileSync(env.CONFIG_DIR + '/system.' + env.ENVIRONMENT + '.json', 'utf8'));
const { http_port: port } = system.services[env.PAPERGATE_SERVICE ?? ''];
const answer = await fetch('http://127.0.0.1:' + port + '/health/ready').catch(() => undefined);
process.exitCode = answer?.status === 200 ? 0 : 1;
`;

export async function makeLeanKit(name: string, env: Readonly<Record<string, string>> = {}): Promise<LeanKit> {
  const id = randomBytes(4).toString('hex');
  const project = `papergate-${name}-${id}`;
  const registry = `${containers().registry}/${name}-${id}`;
  const home = mkdtempSync(join(tmpdir(), 'papergate-home-'));
  const place = join(home, 'places', project);
  const clone = await cloneRepository();
  const { node, postgres } = await bases();
  const dir = join(home, 'test');
  mkdirSync(dir, { recursive: true });
  let number = 0;
  writePlace(place, project, registry);
  const deployer = makeDeployer({ project, home, clone });
  return {
    clone,
    home,
    project,
    place,
    registry,
    flags: ['--target', 'compose', '--project', project],
    papergate: (...args) => papergate({ repository: clone.dir, home, env }, ...args),
    deploy: deployer.deploy,
    lean: async (change = {}) => {
      number += 1;
      const commit = clone.commit(`lean release ${number}`);
      const { manifest } = await makeRelease(clone.dir, join(dir, 'releases'), commit);
      const good = leanImage(node, registry, commit, `good-${number}`, without(change));
      const bad = change.fault === undefined ? good : leanImage(node, registry, commit, `bad-${number}`, change);
      const refs = SERVICES.map((service) => [service, (change.service ?? service) === service ? bad : good]);
      const [repository = '', digest = ''] = postgres.split('@');
      return withImages(manifest, {
        ...(Object.fromEntries(refs) as Record<string, ImageRef>),
        postgres: { repository, digest },
      });
    },
    file: (manifest) => {
      number += 1;
      const path = join(dir, `manifest-${number}.json`);
      writeFileSync(path, typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
      return path;
    },
    remove: async () => {
      await deployer.stop();
      removeProject(project);
      removeImages(registry);
      rmSync(home, { recursive: true, force: true });
      clone.remove();
    },
  };
}

const without = ({ fault: _fault, ...rest }: LeanChange): LeanChange => rest;

function leanImage(base: string, registry: string, commit: string, tag: string, change: LeanChange): ImageRef {
  const { slowMs, smokeFails, ballast = 0 } = change;
  const fault = change.fault ?? (slowMs === undefined ? undefined : 'slow');
  return thinImage(base, `${registry}/lean`, tag, {
    files: {
      '/app/package.json': '{"type":"module"}',
      '/app/service.js': standIn(undefined, fault, slowMs),
      '/app/smoke/src/main.js': standInSmoke(smokeFails),
      '/app/services/shared/src/migrate.js': STAND_IN_MIGRATE,
      '/app/services/shared/src/health.js': HEALTH,
      ...(ballast === 0 ? {} : { '/app/ballast': randomBytes(ballast / 2).toString('hex') }),
    },
    change: [
      'USER 10001:10001',
      'WORKDIR /app',
      'ENTRYPOINT ["node", "service.js"]',
      'CMD []',
      `LABEL org.opencontainers.image.revision=${commit}`,
    ],
  });
}

/** What a first `ship` writes down of a place: here its ports, which are free ones. */
function writePlace(place: string, project: string, registry: string): void {
  const settings = {
    schema: 1,
    kind: 'compose',
    environment: 'development',
    project,
    registry,
    monitoring: false,
    ports: 'free',
  };
  mkdirSync(place, { recursive: true, mode: 0o700 });
  writeFileSync(join(place, 'place.json'), JSON.stringify(settings), { mode: 0o600 });
}
