import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { extract, pack, type Pack } from 'tar-stream';
import { accountFiles } from './accounts.ts';
import { writeImage } from './image.ts';
import { LayerWriter } from './layer.ts';
import { unpackPackages } from './packages.ts';
import { leftOut, readRecipes, recipeKey, RECIPES_DIR, type Recipes } from './recipe.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-airgap-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const recipes = readRecipes(RECIPES_DIR);

async function tarOf(fill: (archive: Pack) => void): Promise<Buffer> {
  const archive = pack();
  fill(archive);
  archive.finalize();
  return buffer(archive);
}

/** One line for each entry: kind, name, where it leads, mode, owner, time, content. */
async function listing(path: string): Promise<string[]> {
  const lines: string[] = [];
  const entries = extract();
  Readable.from([readFileSync(path)]).pipe(entries);
  for await (const entry of entries) {
    const { name, type, mode, uid, mtime, linkname } = entry.header;
    const leads = type === 'symlink' || type === 'link' ? `>${linkname}` : '';
    const content = (await buffer(entry)).toString();
    lines.push([type, `${name}${leads}`, mode.toString(8), uid, mtime.getTime(), content].join(' ').trim());
  }
  return lines;
}

describe('what is left out', () => {
  const isLeftOut = leftOut(['usr/share/doc/', 'usr/lib/*/perl/', 'usr/bin/pg_*', 'etc/machine-id']);
  test.each<[string, boolean]>([
    ['usr/share/doc', false],
    ['usr/share/doc/bash', true],
    ['usr/share/doc/bash/copyright', true],
    ['usr/share/documents', false],
    ['usr/lib/x86_64-linux-gnu/perl/5.40/a.pm', true],
    ['usr/lib/a/b/perl/x', false],
    ['usr/bin/pg_dump', true],
    ['usr/bin/pg_x/y', false],
    ['usr/lib/postgresql/17/bin/pg_dump', false],
    ['etc/machine-id', true],
    ['xetc/machine-id', false],
  ])('%s: %s', (path, out) => expect(isLeftOut(path)).toBe(out));

  test('is never what the images are for', () => {
    const out = leftOut(recipes.leave_out);
    for (const path of [
      'usr/lib/postgresql/17/bin/postgres',
      'usr/lib/postgresql/17/bin/pg_dump',
      'usr/lib/postgresql/17/bin/psql',
      'usr/share/postgresql/17/postgresql.conf.sample',
      'usr/lib/x86_64-linux-gnu/libc.so.6',
      'usr/lib/locale/C.utf8/LC_CTYPE',
      'usr/local/bin/node',
      'usr/bin/setpriv',
    ])
      expect([path, out(path)]).toEqual([path, false]);
  });
});

describe('the name of an image', () => {
  const key = (
    change: Partial<Recipes> = {},
    name: 'node' | 'postgres' = 'node',
    arch = 'amd64',
    added = { node: 'a' },
  ) => recipeKey({ ...recipes, ...change }, name, arch, added);

  test('stays while nothing of its own changes', () => {
    const images = { ...recipes.images, postgres: { packages: ['other'], config: {} } };
    expect(key({ images })).toBe(key());
    expect(key({ npm: { version: '1', integrity: 'x' } }, 'postgres')).toBe(key({}, 'postgres'));
  });

  test('changes with packages, suite, npm, programs and processor', () => {
    const images = { ...recipes.images, node: { ...recipes.images.node, packages: ['bash'] } };
    const all = [
      key(),
      key({ images }),
      key({ suite: 'forky' }),
      key({ npm: { version: '1', integrity: 'x' } }),
      key({ leave_out: [] }),
      key({}, 'node', 'arm64'),
      key({}, 'node', 'amd64', { node: 'b' }),
      key({}, 'postgres'),
    ];
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('a layer', () => {
  const archive = (time: Date) =>
    tarOf((tar) => {
      tar.entry({ name: './', type: 'directory', mtime: time });
      tar.entry({ name: './usr/', type: 'directory', mode: 0o755, mtime: time });
      tar.entry({ name: './usr/a', mode: 0o755, uid: 7, mtime: time, uname: 'someone' }, 'content');
      tar.entry({ name: './usr/empty', mtime: time }, '');
      tar.entry({ name: './usr/hard', type: 'link', linkname: './usr/a', mtime: time });
      tar.entry({ name: './usr/soft', type: 'symlink', linkname: '../a', mtime: time });
      tar.entry({ name: './dev/console', type: 'character-device', devmajor: 5, devminor: 1, mtime: time });
      tar.entry({ name: './usr/out', mtime: time }, 'left out');
    });
  const write = async (path: string, time: Date) => {
    const layer = new LayerWriter(path);
    const content = await archive(time);
    await layer.copy(Readable.from([content]), (name) => (name === 'usr/out' ? undefined : name));
    await layer.add({ path: 'etc/ours', type: 'file', mode: 0o600, uid: 999, content: Buffer.from('ours') });
    return layer.finish();
  };

  test('keeps content, modes, owners and links, and no times, devices or what is left out', async () => {
    const path = join(dir, 'layer.tar');
    await write(path, new Date());
    expect(await listing(path)).toEqual([
      'directory usr/ 755 0 0',
      'file usr/a 755 7 0 content',
      'file usr/empty 644 0 0',
      'link usr/hard>usr/a 644 0 0',
      'symlink usr/soft>../a 644 0 0',
      'file etc/ours 600 999 0 ours',
    ]);
  });

  test('of the same files is the same on any day, and its digest is that of its bytes', async () => {
    const [first, second] = [join(dir, '1.tar'), join(dir, '2.tar')];
    const one = await write(first, new Date('2026-01-01'));
    const two = await write(second, new Date('2031-05-05'));
    expect(two).toEqual(one);
    expect(readFileSync(second).equals(readFileSync(first))).toBe(true);
    expect(one.size).toBe(readFileSync(first).length);
  });

  test('takes a file of this machine', async () => {
    const from = join(dir, 'program');
    writeFileSync(from, 'x'.repeat(100_000));
    const layer = new LayerWriter(join(dir, 'layer.tar'));
    await layer.add({ path: 'bin/program', type: 'file', mode: 0o755, from: { path: from, size: 100_000 } });
    await layer.finish();
    expect(await listing(join(dir, 'layer.tar'))).toEqual([`file bin/program 755 0 0 ${'x'.repeat(100_000)}`]);
  });
});

describe('an image', () => {
  test('of the same layer has the same id, and another with another configuration', async () => {
    const path = join(dir, 'layer.tar');
    const layer = new LayerWriter(path);
    await layer.add({ path: 'a', type: 'file', mode: 0o644, content: Buffer.from('a') });
    const written = { path, ...(await layer.finish()) };
    const make = (name: string, config: Record<string, unknown>) =>
      writeImage(join(dir, name), 'test/x:1', 'amd64', config, written);
    const one = await make('1', { Cmd: ['a'] });
    expect(await make('2', { Cmd: ['a'] })).toEqual(one);
    expect(await make('3', { Cmd: ['b'] })).not.toEqual(one);
    expect(readFileSync(join(dir, '2')).equals(readFileSync(join(dir, '1')))).toBe(true);
  });

  test('has the accounts that Debian’s scripts would have made, and the one of its program', async () => {
    const rootfs = join(dir, 'rootfs.tar');
    const content = await tarOf((tar) => {
      tar.entry({ name: './usr/share/base-passwd/passwd.master' }, 'root:*:0:0:root:/root:/bin/bash\n');
      tar.entry({ name: './usr/bin/other' }, 'other');
      tar.entry({ name: './usr/share/base-passwd/group.master' }, 'root:*:0:\n');
    });
    writeFileSync(rootfs, content);
    const files = await accountFiles(rootfs, 'postgres');
    const text = (path: string) => files.find((file) => file.path === path)?.content?.toString();
    expect(text('etc/passwd')).toBe(
      'root:*:0:0:root:/root:/bin/bash\npostgres:x:999:999::/var/lib/postgresql:/bin/bash\n',
    );
    expect(text('etc/group')).toBe('root:*:0:\npostgres:x:999:\n');
  });
});

describe('unpacking packages', () => {
  test('without mmdebstrap says how to get it', async () => {
    const unpacked = unpackPackages(recipes, ['bash'], join(dir, 'x.tar'), { env: { PATH: dir } });
    await expect(unpacked).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:MMDEBSTRAP|KEYRING)_MISSING$/),
      exitCode: 3,
      fix: expect.stringContaining('apt-get install'),
    });
  });
});
