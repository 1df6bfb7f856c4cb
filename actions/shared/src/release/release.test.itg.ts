import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { makeTestRepository, type TestRepository } from '../testing/repository.ts';
import { checkSources, entryOf, makeRelease, providePackages, pruneReleases, resolveCommit } from './index.ts';

jest.setTimeout(60_000);

let repository: TestRepository;
let releases: string;
beforeEach(() => {
  repository = makeTestRepository();
  releases = mkdtempSync(join(tmpdir(), 'papergate-releases-'));
});
afterEach(() => {
  repository.remove();
  rmSync(releases, { recursive: true, force: true });
});

describe('the commit that is delivered', () => {
  test('is found by any name, in full, with its subject', async () => {
    const sha = repository.commit('the second: with a colon');
    repository.git('tag', 'v1');
    for (const name of ['HEAD', 'v1', sha, sha.slice(0, 10)]) {
      expect(await resolveCommit(repository.dir, name)).toEqual({
        sha,
        subject: 'the second: with a colon',
        uncommittedChanges: false,
      });
    }
  });

  test('does not hold what is not committed, which is told', async () => {
    repository.write('new-file', 'x');
    expect(await resolveCommit(repository.dir, 'HEAD')).toMatchObject({ uncommittedChanges: true });
  });

  test.each(['no-such-branch', 'f'.repeat(40), '--all', 'HEAD:README.md'])('%s is no commit', async (revision) => {
    const refused = resolveCommit(repository.dir, revision);
    await expect(refused).rejects.toMatchObject({ code: 'UNKNOWN_COMMIT', exitCode: 2 });
    await expect(refused).rejects.toThrow(`"${revision}" is not a commit of ${repository.dir}`);
  });

  test('of a shallow clone that lacks it: the fix says how to get it', async () => {
    const first = repository.git('rev-parse', 'HEAD');
    repository.commit();
    const clone = join(releases, 'clone');
    execFileSync('git', ['clone', '-q', '--depth', '1', `file://${repository.dir}`, clone]);
    await expect(resolveCommit(clone, first)).rejects.toMatchObject({
      fix: expect.stringContaining('git fetch --unshallow'),
    });
  });

  test('of a repository without commits, and of no repository at all', async () => {
    const empty = join(releases, 'empty');
    execFileSync('git', ['init', '-q', empty]);
    await expect(resolveCommit(empty, 'HEAD')).rejects.toMatchObject({
      message: expect.stringContaining('has no commits at all'),
    });
    const none = mkdtempSync(join(tmpdir(), 'papergate-none-'));
    await expect(resolveCommit(none, 'HEAD')).rejects.toMatchObject({ code: 'NOT_A_CHECKOUT', exitCode: 2 });
    rmSync(none, { recursive: true });
  });
});

describe('a release', () => {
  const make = (sha = repository.git('rev-parse', 'HEAD')) => makeRelease(repository.dir, releases, sha);

  test('is exactly the commit, whatever lies in the working tree', async () => {
    repository.write('services/dashboard/src/main.ts', 'changed and not committed');
    repository.write('services/dashboard/src/extra.ts', 'not committed');
    const { dir } = await make();
    expect(readFileSync(join(dir, 'services/dashboard/src/main.ts'), 'utf8')).not.toContain('changed');
    expect(existsSync(join(dir, 'services/dashboard/src/extra.ts'))).toBe(false);
    expect(existsSync(join(dir, '.git'))).toBe(false);
  });

  test('of the same commit is used again, and one that was tampered with is made anew', async () => {
    const { dir, manifest } = await make();
    writeFileSync(join(dir, 'marker'), '');
    await make();
    expect(existsSync(join(dir, 'marker'))).toBe(true);
    writeFileSync(join(dir, 'services/dashboard/src/main.ts'), 'tampered');
    const again = await make();
    expect(readFileSync(join(dir, 'services/dashboard/src/main.ts'), 'utf8')).not.toBe('tampered');
    expect(again.manifest).toEqual(manifest);
  });

  test('that cannot be made leaves nothing unfinished', async () => {
    rmSync(join(repository.dir, entryOf('dashboard')));
    const sha = repository.commit();
    await expect(make(sha)).rejects.toMatchObject({ code: 'INCOMPLETE_RELEASE' });
    expect(readdirSync(releases)).toEqual([]);
  });

  test('the oldest are removed, never the one in use, and what killed runs left goes too', () => {
    for (const [index, name] of ['a', 'b', 'c', 'd'].entries()) {
      mkdirSync(join(releases, name));
      utimesSync(join(releases, name), index, index);
    }
    mkdirSync(join(releases, '.a.123'));
    pruneReleases(releases, 2, 'a');
    expect(readdirSync(releases).sort()).toEqual(['a', 'd']);
  });
});

describe('packages of a release', () => {
  const install = (path: string, text: string): void => repository.write(`node_modules/${path}`, text);
  const lock = (packages: object): string => JSON.stringify({ lockfileVersion: 3, packages: { '': {}, ...packages } });
  const linked = { 'node_modules/@papergate/config': { resolved: 'config', link: true }, config: { version: '0.1.0' } };
  const left = { version: '1.0.0', integrity: 'sha512-left' };

  test('third-party ones are those of the checkout; our own point into the release', async () => {
    install('left/package.json', '{"name":"left"}');
    install('@scope/right/package.json', '{"name":"right"}');
    install('@papergate/config', 'the checkout’s');
    const packages = { ...linked, 'node_modules/left': left, 'node_modules/@scope/right': left };
    install('.package-lock.json', lock(packages));
    repository.write('package-lock.json', lock(packages));
    const { dir } = await makeRelease(repository.dir, releases, repository.commit());
    expect(await providePackages(repository.dir, dir)).toBe('linked');
    expect(readFileSync(join(dir, 'node_modules/left/package.json'), 'utf8')).toContain('left');
    expect(existsSync(join(dir, 'node_modules/@scope/right/package.json'))).toBe(true);
    expect(existsSync(join(dir, 'node_modules/@papergate/config/system.development.json'))).toBe(true);
    rmSync(join(repository.dir, 'config'), { recursive: true });
    expect(existsSync(join(dir, 'node_modules/@papergate/config/system.development.json'))).toBe(true);
  });

  test('are not made anew where they are there: a release that is gone back to may be running', async () => {
    install('left/package.json', '{}');
    install('.package-lock.json', lock({ 'node_modules/left': left }));
    repository.write('package-lock.json', lock({ 'node_modules/left': left }));
    const { dir } = await makeRelease(repository.dir, releases, repository.commit());
    await providePackages(repository.dir, dir);
    const made = lstatSync(join(dir, 'node_modules/left')).ino;
    expect(await providePackages(repository.dir, dir)).toBe('linked');
    expect(lstatSync(join(dir, 'node_modules/left')).ino).toBe(made);
    // A link that leads nowhere, and a stamp that a kill cut off, are no packages.
    rmSync(join(dir, 'node_modules/left'));
    symlinkSync(join(dir, 'nowhere'), join(dir, 'node_modules/left'));
    expect(await providePackages(repository.dir, dir)).toBe('linked');
    expect(existsSync(join(dir, 'node_modules/left/package.json'))).toBe(true);
    writeFileSync(join(dir, 'node_modules/.papergate-packages.json'), '{');
    expect(await providePackages(repository.dir, dir)).toBe('linked');
  });

  test('an optional one that this platform has not may be missing, and more than is wanted may be there', async () => {
    install('left/package.json', '{}');
    install('more/package.json', '{}');
    install('.package-lock.json', lock({ 'node_modules/left': left, 'node_modules/more': left }));
    repository.write(
      'package-lock.json',
      lock({ 'node_modules/left': left, 'node_modules/elsewhere': { ...left, optional: true } }),
    );
    const { dir } = await makeRelease(repository.dir, releases, repository.commit());
    expect(await providePackages(repository.dir, dir)).toBe('linked');
  });

  test('where the commit wants others, they are installed for it alone, without touching its lock file', async () => {
    const text = '{"name":"bundle","lockfileVersion":3,"requires":true,"packages":{"":{"name":"bundle"}}}';
    repository.write('package-lock.json', text);
    const sha = repository.commit();
    const { dir } = await makeRelease(repository.dir, releases, sha);
    // The checkout has moved on: a package has another version now.
    install('.package-lock.json', lock({ 'node_modules/left': left }));
    writeFileSync(
      join(dir, 'package-lock.json'),
      text.replace('"packages":{', '"packages":{"node_modules/left":{"version":"2.0.0","link":false},'),
    );
    writeFileSync(join(dir, 'package.json'), '{"name":"bundle","dependencies":{"nowhere-to-be-found":"1"}}');
    // No registry is asked: one that nobody serves stands for it.
    process.env['npm_config_registry'] = 'http://127.0.0.1:1';
    process.env['npm_config_fetch_retries'] = '0';
    try {
      await expect(providePackages(repository.dir, dir)).rejects.toMatchObject({ code: 'INSTALL_FAILED', exitCode: 3 });
    } finally {
      delete process.env['npm_config_registry'];
      delete process.env['npm_config_fetch_retries'];
    }
  });
});

describe('the look at sources', () => {
  const check = async (files: Record<string, string>) => {
    const dir = join(releases, 'look');
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), text);
    }
    return checkSources(dir, ['main.ts']);
  };

  test('follows imports, also dynamic types away, and counts what it has read', async () => {
    const report = await check({
      'main.ts': `import type { A } from './a.ts'; import { b } from './b.ts'; import { join } from 'node:path'; const x: A = b(join('x')); export default x;`,
      'b.ts': 'export function b(text: string): string { return text; }',
    });
    expect(report).toEqual({ files: 2, problems: [] });
  });

  test.each([
    ['a mistake in syntax', 'const x: = 1;', 'main.ts'],
    ['an import that does not exist', `import './gone.ts';`, 'imports ./gone.ts, which does not exist'],
    ['a package that is not installed', `import 'not-installed/deep';`, 'the package not-installed is not installed'],
    ['syntax that cannot be stripped', 'enum Colour { Red }', 'main.ts'],
  ])('finds %s', async (_what, source, found) => {
    const { problems } = await check({ 'main.ts': source });
    expect(problems).toHaveLength(1);
    expect(`${problems[0]?.file}: ${problems[0]?.message}`).toContain(found);
  });

  test('runs nothing', async () => {
    const { problems } = await check({ 'main.ts': `throw new Error('it ran');` });
    expect(problems).toEqual([]);
  });
});
