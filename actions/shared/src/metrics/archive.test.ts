import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { extract, pack } from 'tar-stream';
import { openBlocks, readHead, writeExport, type ExportHead } from './archive.ts';

const BLOCK = '01J0ABCDEFGHJKMNPQRSTVWXYZ';
const HEAD: ExportHead = {
  schema: 1,
  created_at: '2026-01-02T03:04:05.000Z',
  project: 'papergate-staging',
  range: { from: 1, to: 2, step: 5, series: 3, sha256: 'ab'.repeat(32) },
};
const OWNER = { uid: 65534, gid: 65534 };

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-metrics-'));
  file = join(dir, 'metrics.tar.gz');
});
afterEach(() => rmSync(dir, { recursive: true }));

/** A tar as `docker cp` writes it, of these files; a name that ends with a slash is a folder. */
function tar(files: Record<string, string>): Readable {
  const out = pack();
  for (const [name, text] of Object.entries(files)) {
    if (name.endsWith('/')) out.entry({ name, type: 'directory' });
    else out.entry({ name, uid: 1, gid: 2, mode: 0o600 }, text);
  }
  out.finalize();
  return Readable.from(out);
}
const SNAPSHOT = {
  '20260102T030405Z-0a1b2c/': '',
  [`20260102T030405Z-0a1b2c/${BLOCK}/`]: '',
  [`20260102T030405Z-0a1b2c/${BLOCK}/meta.json`]: '{"version":1}',
  [`20260102T030405Z-0a1b2c/${BLOCK}/chunks/000001`]: 'chunk '.repeat(50_000),
};

async function entriesOf(stream: Readable): Promise<Record<string, { text: string; uid: number; mode: number }>> {
  const found: Record<string, { text: string; uid: number; mode: number }> = {};
  const entries = extract();
  stream.on('error', (error) => entries.destroy(error));
  for await (const entry of stream.pipe(entries)) {
    const parts: Buffer[] = [];
    for await (const part of entry) parts.push(part as Buffer);
    found[entry.header.name] = {
      text: Buffer.concat(parts).toString(),
      uid: entry.header.uid,
      mode: entry.header.mode,
    };
  }
  return found;
}

describe('an export', () => {
  test('holds what was said of the range, and the blocks as Prometheus keeps them', async () => {
    const bytes = await writeExport(file, HEAD, tar(SNAPSHOT));
    expect(bytes).toBe(13 + 300_000);
    expect(await readHead(file)).toEqual(HEAD);
    const entries = await entriesOf(openBlocks(file, OWNER));
    expect(Object.keys(entries)).toEqual([`${BLOCK}/`, `${BLOCK}/meta.json`, `${BLOCK}/chunks/000001`]);
    expect(entries[`${BLOCK}/chunks/000001`]).toEqual({ text: 'chunk '.repeat(50_000), uid: 65534, mode: 0o644 });
    expect(readdirSync(dir)).toEqual(['metrics.tar.gz']);
  });

  test('leaves everything else of the folder out', async () => {
    await writeExport(
      file,
      HEAD,
      tar({ ...SNAPSHOT, 'snap/wal/000001': 'x', 'snap/lock': 'x', [`snap/../${BLOCK}/../../etc/passwd`]: 'x' }),
    );
    const names = Object.keys(await entriesOf(openBlocks(file, OWNER)));
    expect(names.every((name) => name.startsWith(BLOCK) && !name.includes('..'))).toBe(true);
  });

  test('that breaks off leaves no file, and the one before as it was', async () => {
    writeFileSync(file, 'the one before');
    const broken = Readable.from(
      (async function* parts() {
        yield Buffer.alloc(512 * 40, 1);
        throw new Error('the connection is gone');
      })(),
    );
    await expect(writeExport(file, HEAD, broken)).rejects.toMatchObject({ code: 'METRICS_EXPORT_FAILED' });
    expect(readFileSync(file, 'utf8')).toBe('the one before');
    expect(readdirSync(dir)).toEqual(['metrics.tar.gz']);
  });

  test('into a folder that does not exist is refused', async () => {
    await expect(writeExport(join(dir, 'absent', 'x'), HEAD, tar(SNAPSHOT))).rejects.toMatchObject({
      code: 'METRICS_EXPORT_FAILED',
    });
  });
});

describe('a file that is no export', () => {
  test.each<[string, () => void | Promise<void>, RegExp]>([
    ['does not exist', () => undefined, /does not exist/],
    ['is no gzip', () => writeFileSync(file, 'plain text'), /cannot be read/],
    ['is empty', () => writeFileSync(file, gzipSync('')), /is empty/],
    [
      'is another tar',
      async () => writeFileSync(file, gzipSync(await buffer(tar(SNAPSHOT)))),
      /is no export of metrics/,
    ],
    [
      'has a head of another kind',
      async () => writeFileSync(file, gzipSync(await buffer(tar({ 'papergate-metrics.json': '{"schema":2}' })))),
      /does not know/,
    ],
    [
      'has a head that is no JSON',
      async () => writeFileSync(file, gzipSync(await buffer(tar({ 'papergate-metrics.json': '{' })))),
      /cannot be read/,
    ],
  ])('is named: it %s', async (_what, make, words) => {
    await make();
    await expect(readHead(file)).rejects.toMatchObject({
      code: 'METRICS_FILE_INVALID',
      message: expect.stringMatching(words),
    });
  });

  test('is noticed while its blocks are read, when it was cut off', async () => {
    await writeExport(file, HEAD, tar({ ...SNAPSHOT, [`s/${BLOCK}/index`]: String(Math.PI).repeat(9999) }));
    truncateSync(file, readFileSync(file).length - 100);
    await expect(entriesOf(openBlocks(file, OWNER))).rejects.toThrow();
  });

  test.each([`../${BLOCK}/x`, `${BLOCK}/../../x`, '/etc/passwd', 'wal/000001', `${BLOCK}x/meta.json`])(
    'never writes beside a block: %s',
    async (name) => {
      const head = `${JSON.stringify(HEAD)}\n`;
      writeFileSync(file, gzipSync(await buffer(tar({ 'papergate-metrics.json': head, [name]: 'x' }))));
      await expect(entriesOf(openBlocks(file, OWNER))).rejects.toMatchObject({ code: 'METRICS_FILE_INVALID' });
    },
  );
});

async function buffer(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
