import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { withImages, type ImageRef, type Manifest } from '@papergate/delivery';
import { docker } from '../testing/docker.ts';
import { psql, type Kit } from '../testing/kit.ts';
import type { ThinChange } from '../testing/thin-image.ts';
import type { Broken } from './types.ts';

const FAILED = { ends: 'failed' } as const;

/** The release with some of its images replaced by name. */
async function withRefs(
  kit: Kit,
  change: (images: Record<string, ImageRef>) => Record<string, ImageRef>,
): Promise<Manifest> {
  const manifest = await kit.release({});
  return withImages(manifest, change({ ...manifest.images }));
}

const image = (images: Readonly<Record<string, ImageRef>>, service: string): ImageRef => {
  const found = images[service];
  if (found === undefined) throw new Error(`no image of ${service}`);
  return found;
};

/** A migration, in the commit and in the image that runs it. */
function migration(name: string, sql: string): Broken['make'] {
  const path = `services/shared/migrations/${name}.sql`;
  const change: ThinChange = { files: { [`/app/${path}`]: sql } };
  return (kit) => kit.release({ files: { [path]: sql }, images: { 'execution-engine': change } });
}

export const BROKEN_IMAGES: Broken[] = [
  {
    ...FAILED,
    title: 'an image that the registry does not have',
    make: (kit) =>
      withRefs(kit, (images) => ({
        ...images,
        'risk-manager': { ...image(images, 'risk-manager'), digest: `sha256:${'ab'.repeat(32)}` },
      })),
    exitCode: 1,
    step: /^verify$/,
    says: /risk-manager.*abababab/s,
  },
  {
    ends: 'undone',
    title: 'the image of another service in the place of one',
    make: (kit) => withRefs(kit, (images) => ({ ...images, dashboard: image(images, 'signal-bridge') })),
    patience: { readyMs: 15_000 },
    exitCode: 1,
    step: /^start:dashboard$/,
    service: 'dashboard',
    says: /dashboard/,
  },
  {
    ...FAILED,
    title: 'a registry that is away',
    make: (kit) =>
      withRefs(kit, (images) =>
        Object.fromEntries(
          Object.entries(images).map(([name, { repository, digest }]) => [
            name,
            { repository: repository.replace(/^127\.0\.0\.1:\d+/, '127.0.0.1:1'), digest },
          ]),
        ),
      ),
    exitCode: 3,
    step: /^verify$/,
    says: /127\.0\.0\.1:1\b/,
  },
  sickRegistry(),
];

/** A registry in front of which somebody answers 500. */
function sickRegistry(): Broken {
  let port = 0;
  return {
    ...FAILED,
    title: 'a registry that answers 500',
    make: (kit) => {
      return withRefs(kit, (images) =>
        Object.fromEntries(
          Object.entries(images).map(([name, { repository, digest }]) => [
            name,
            { repository: repository.replace(/^127\.0\.0\.1:\d+/, `127.0.0.1:${port}`), digest },
          ]),
        ),
      );
    },
    around: async () => {
      const sick = createServer((_request, response) => {
        response.statusCode = 500;
        response.end('{"errors":[{"code":"UNKNOWN","message":"it is sick"}]}');
      });
      await new Promise<void>((resolve) => sick.listen(0, '127.0.0.1', resolve));
      ({ port } = sick.address() as AddressInfo);
      return async () => {
        sick.closeAllConnections();
        await new Promise((resolve) => sick.close(resolve));
      };
    },
    exitCode: 3,
    step: /^verify$/,
    says: /500/,
  };
}

export const BROKEN_CONFIGURATION: Broken[] = [
  {
    ends: 'refused',
    title: 'a configuration with a key that does not exist',
    make: (kit) => {
      const path = 'config/system.development.json';
      const system = { ...(JSON.parse(kit.clone.read(path)) as object), no_such_key: true };
      return kit.release({ files: { [path]: JSON.stringify(system) } });
    },
    exitCode: 2,
    step: /^$/,
    says: /no_such_key/,
  },
  {
    ends: 'refused',
    title: 'a limit of risk that is no number',
    make: (kit) => {
      const path = 'config/risk_limits.toml';
      const limits = kit.clone.read(path).replace('max_open_positions = 20', 'max_open_positions = "a lot"');
      return kit.release({ files: { [path]: limits } });
    },
    exitCode: 2,
    step: /^$/,
    says: /max_open_positions/,
  },
];

export const BROKEN_MIGRATIONS: Broken[] = [
  {
    ...FAILED,
    title: 'a migration that is no SQL',
    make: migration('9902_nonsense', 'CREATE TABEL nonsense (id bigint);\n'),
    exitCode: 1,
    step: /^(verify|checkpoint|migrate)$/,
    says: /9902_nonsense/,
  },
  {
    ...FAILED,
    title: 'a migration that the database refuses',
    make: migration('9902_refused', 'ALTER TABLE no_such_table ADD COLUMN note text;\n'),
    exitCode: 1,
    step: /^(verify|migrate)$/,
    says: /no_such_table/,
  },
  {
    ...FAILED,
    title: 'a migration that takes away what the release before needs',
    make: migration('9902_contract', 'ALTER TABLE orders DROP COLUMN reject_reason;\n'),
    exitCode: 1,
    step: /^(verify|migrate)$/,
    says: /9902_contract/,
  },
  {
    ...FAILED,
    title: 'a migration that waits for a lock for ever',
    make: migration('9902_waits', 'ALTER TABLE tick_uploads ADD COLUMN note text;\n'),
    around: (kit) => {
      // Somebody's report has read the table and never ended its transaction.
      const name = 'papergate-test-lock';
      const held = 'BEGIN; SELECT count(*) FROM tick_uploads; SELECT pg_sleep(120)';
      docker('exec', '-d', '-e', `PGAPPNAME=${name}`, kit.container('postgres'), ...psql(held));
      const release = (): void => {
        kit.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${name}'`);
      };
      return Promise.resolve(release);
    },
    patience: { migrateMs: 6_000 },
    // The migrations give up by themselves, or their time is over.
    exitCode: [1, 3],
    step: /^migrate$/,
    says: /9902_waits|migrat/,
  },
  {
    ...FAILED,
    title: 'a migration that was applied and then edited',
    make: async (kit) => {
      const path = 'services/shared/migrations/0001_initial.sql';
      const [first] = kit.clone.git('ls-files', 'services/shared/migrations').split('\n');
      const edited = `${kit.clone.read(first ?? path)}\nCREATE TABLE afterthought (id bigint);\n`;
      const change: ThinChange = { files: { [`/app/${first ?? path}`]: edited } };
      return kit.release({ files: { [first ?? path]: edited }, images: { 'execution-engine': change } });
    },
    exitCode: 1,
    step: /^(verify|migrate)$/,
    says: /0001_/,
  },
];
