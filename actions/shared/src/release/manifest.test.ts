import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SERVICE_NAMES } from '@papergate/config';
import fc from 'fast-check';
import { describeRelease, entryOf } from './describe.ts';
import { digestOf } from './digest.ts';
import { canonicalJson, checkManifest, sealManifest } from './manifest.ts';

const COMMIT = 'a'.repeat(40);
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-manifest-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function write(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function makeTree(root: string, order: 'forward' | 'backward' = 'forward'): void {
  const files = [
    ...SERVICE_NAMES.map((name) => [entryOf(name), `// ${name}`] as const),
    ['services/shared/src/index.ts', '// kit'] as const,
    ['services/shared/migrations/0001_first.sql', 'SELECT 1'] as const,
    ['services/shared/migrations/0002_second.sql', 'SELECT 2'] as const,
    ['config/system.development.json', '{}'] as const,
    ['package-lock.json', '{}'] as const,
    ['README.md', 'hello'] as const,
  ];
  for (const [path, text] of order === 'forward' ? files : files.toReversed()) write(root, path, text);
}

describe('manifest', () => {
  test('is the same wherever and whenever the same tree lies', () => {
    makeTree(join(dir, 'a'));
    makeTree(join(dir, 'b'), 'backward');
    utimesSync(join(dir, 'b', 'package-lock.json'), 1, 1);
    expect(describeRelease(join(dir, 'b'), COMMIT)).toEqual(describeRelease(join(dir, 'a'), COMMIT));
  });

  test('names the commit, every service with its entry, and the last migration', () => {
    makeTree(dir);
    const manifest = describeRelease(dir, COMMIT);
    expect(manifest.commit).toBe(COMMIT);
    expect(Object.keys(manifest.services)).toEqual([...SERVICE_NAMES]);
    expect(manifest.schema_version).toBe('0002_second');
  });

  test.each([
    ['a service’s file', 'services/dashboard/src/page.html', ['dashboard']],
    ['the kit', 'services/shared/src/index.ts', [...SERVICE_NAMES]],
    ['the configuration', 'config/system.development.json', [...SERVICE_NAMES]],
    ['the lock file', 'package-lock.json', [...SERVICE_NAMES]],
    ['what no service is made of', 'README.md', []],
  ])('a change of %s changes the digests of what is made of it, and no others', (_what, path, changed) => {
    makeTree(dir);
    const before = describeRelease(dir, COMMIT);
    write(dir, path, 'changed');
    const after = describeRelease(dir, COMMIT);
    const different = SERVICE_NAMES.filter((name) => before.services[name]?.digest !== after.services[name]?.digest);
    expect(different).toEqual(changed);
    expect(before.digest === after.digest).toBe(changed.length === 0);
  });

  test('installed packages do not count: the lock file stands for them', () => {
    makeTree(dir);
    const before = describeRelease(dir, COMMIT);
    write(dir, 'services/dashboard/node_modules/x/index.js', 'anything');
    expect(describeRelease(dir, COMMIT)).toEqual(before);
  });

  test('a commit without the entry of a service is refused by name', () => {
    makeTree(dir);
    rmSync(join(dir, entryOf('dashboard')));
    expect(() => describeRelease(dir, COMMIT)).toThrow(`commit ${COMMIT} has no services/dashboard/src/main.ts`);
  });

  test('one that was changed after it was sealed is refused', () => {
    makeTree(dir);
    const manifest = describeRelease(dir, COMMIT);
    expect(checkManifest(JSON.parse(JSON.stringify(manifest)), 'm')).toEqual(manifest);
    expect(() => checkManifest({ ...manifest, schema_version: '0003' }, 'm')).toThrow('does not match its own digest');
    expect(() => checkManifest({ ...manifest, digest: `sha256:${'0'.repeat(64)}` }, 'm')).toThrow('own digest');
    expect(() => checkManifest({ ...manifest, extra: 1 }, 'm')).toThrow('is not a manifest');
    expect(() => checkManifest(null, 'm')).toThrow('is not a manifest');
  });

  test('property: its digest does not depend on the order of keys, and does on every value', () => {
    const content = fc.record({
      commit: fc.constant(COMMIT),
      config_digest: fc.constant(`sha256:${'1'.repeat(64)}`),
      lockfile_digest: fc.constant(`sha256:${'2'.repeat(64)}`),
      schema_version: fc.string({ minLength: 1 }),
      services: fc.dictionary(fc.string({ minLength: 1 }), fc.record({ entry: fc.string(), digest: fc.string() })),
    });
    fc.assert(
      fc.property(content, content, (one, other) => {
        const shuffled = { ...one, services: Object.fromEntries(Object.entries(one.services).toReversed()) };
        expect(sealManifest(shuffled).digest).toBe(sealManifest(one).digest);
        expect(sealManifest(one).digest === sealManifest(other).digest).toBe(
          canonicalJson(one) === canonicalJson(other),
        );
      }),
    );
  });
});

describe('digest of files', () => {
  test('sees the name, the content, the executable bit and what lies between two files', () => {
    const seen = new Set<string>();
    const look = (): void => void seen.add(digestOf(dir, ['t']));
    write(dir, 't/a', 'xy');
    look();
    write(dir, 't/a', 'x');
    look();
    write(dir, 't/ay', '');
    look();
    rmSync(join(dir, 't/ay'));
    rmSync(join(dir, 't/a'));
    write(dir, 't/b', 'x');
    look();
    chmodSync(join(dir, 't/b'), 0o755);
    look();
    expect(seen.size).toBe(5);
  });

  test('property: two different sets of files never give the same digest', () => {
    const tree = fc.dictionary(fc.stringMatching(/^[a-c]{1,3}$/), fc.string({ maxLength: 4 }), { maxKeys: 4 });
    let run = 0;
    const digest = (files: Record<string, string>): string => {
      const root = join(dir, String((run += 1)));
      mkdirSync(join(root, 't'), { recursive: true });
      for (const [name, text] of Object.entries(files)) write(root, `t/${name}`, text);
      return digestOf(root, ['t']);
    };
    fc.assert(
      fc.property(tree, tree, (one, other) => {
        expect(digest(one) === digest(other)).toBe(canonicalJson(one) === canonicalJson(other));
      }),
      { numRuns: 60 },
    );
  });
});
