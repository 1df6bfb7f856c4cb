import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { pack } from 'tar-stream';
import { scanArchive, scanCheck } from './index.ts';

type Files = Readonly<Record<string, string | Buffer>>;

async function tar(files: Files): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) archive.entry({ name }, content);
  archive.finalize();
  return buffer(archive);
}

/** What `docker save` writes of an image with these layers. */
async function saved(layers: readonly Files[], config: object = {}, compress = false): Promise<Readable> {
  const blobs: Record<string, Buffer> = {};
  const add = (content: Buffer): string => {
    const digest = createHash('sha256').update(content).digest('hex');
    blobs[`blobs/sha256/${digest}`] = content;
    return digest;
  };
  const digests: string[] = [];
  for (const files of layers) {
    const layer = await tar(files);
    digests.push(add(compress ? gzipSync(layer) : layer));
  }
  const id = add(Buffer.from(JSON.stringify({ architecture: 'amd64', config: { Env: ['PATH=/bin'] }, ...config })));
  const manifest = [{ Config: `blobs/sha256/${id}`, Layers: digests.map((digest) => `blobs/sha256/${digest}`) }];
  return Readable.from([await tar({ ...blobs, 'manifest.json': JSON.stringify(manifest) })]);
}
const found = async (files: Files, sentinels: string[] = []) =>
  (await scanArchive(await saved([files]), sentinels)).findings.map(({ path, rule }) => `${rule}: ${path}`);

const live = `${String.fromCharCode(65, 75)}Q7ZP3M9T2X8W5R1V4N`;
const pem = ['-----BEGIN', `PRIVATE KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0B\n'.repeat(4)}`].join(' ');
const SENTINEL = 'sentinel-0af3-&-of-this-test';

describe('a layer is refused for', () => {
  test.each([
    'app/.env',
    'app/.env.production',
    'root/.npmrc',
    'app/.git/config',
    'root/.ssh/known_hosts',
    'root/.docker/config.json',
    'app/id_ed25519',
    'etc/tls/server.key',
    'app/cosign.key',
    'run/secrets/API_TOKEN',
    'root/.bash_history',
    'app/secrets.json',
  ])('a file called %s', async (path) => {
    expect(await found({ [path]: 'x' })).toEqual([`refused-name: ${path}`]);
  });

  test('a file that an upper layer takes away again: what was there stays in the layer below', async () => {
    const archive = await saved([{ 'app/.npmrc': 'x' }, { 'app/.wh..npmrc': '' }]);
    const { findings, layers } = await scanArchive(archive);
    expect(layers).toBe(2);
    expect(findings.map(({ path }) => path)).toEqual(['app/.npmrc']);
  });

  test.each<[string, string]>([
    ['a live key', `key = "${live}"`],
    ['a live key in base64', Buffer.from(`{"key":"${live}"}`).toString('base64')],
    ['a private key', pem],
    ['an npm login', `//registry.example/:_authToken=${'0123456789abcdef'.repeat(2)}`],
    ['a GitHub token', `ghp_${'a1B2'.repeat(9)}`],
  ])('%s in a file of ours', async (_what, text) => {
    expect(await found({ 'app/notes.txt': `before\n${text}\nafter` })).toEqual(['secret: app/notes.txt']);
  });

  test('a live key in a package', async () => {
    expect(await found({ 'app/node_modules/x/index.js': `f("${live}")` })).toEqual([
      'secret: app/node_modules/x/index.js',
    ]);
  });

  test.each<[string, string]>([
    ['as it is', SENTINEL],
    ['in base64', Buffer.from(SENTINEL).toString('base64')],
    ['in base64, one byte on', Buffer.from(`x${SENTINEL}y`).toString('base64')],
    ['in base64, two bytes on', Buffer.from(`xy${SENTINEL}z`).toString('base64')],
    ['percent-encoded', encodeURIComponent(SENTINEL)],
    ['in hexadecimal', Buffer.from(SENTINEL).toString('hex')],
  ])('a secret that is known, %s, also in a program', async (_how, text) => {
    const program = Buffer.concat([Buffer.alloc(1000), Buffer.from(text), Buffer.alloc(1000)]);
    expect(await found({ 'usr/bin/program': program }, ['unrelated secret', SENTINEL])).toEqual([
      'sentinel: usr/bin/program',
    ]);
  });

  test('a secret that is known, wherever a stream is cut into pieces, also in a file too large to be kept', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 60 }, (_, at) => [`bin/${at}`, `${'a'.repeat(4000 + at * 20)}${SENTINEL}aaa`]),
    );
    const large = Buffer.alloc(8_500_000, 'a');
    large.write(SENTINEL, 8_450_000);
    const whole = await buffer(await saved([{ ...files, 'bin/large': large }]));
    const pieces = Array.from({ length: Math.ceil(whole.length / 101) }, (_, at) =>
      whole.subarray(at * 101, (at + 1) * 101),
    );
    const { findings } = await scanArchive(Readable.from(pieces), [SENTINEL]);
    expect(findings.map(({ path }) => path).sort()).toEqual([...Object.keys(files), 'bin/large'].sort());
  });

  test('a secret that is known in the name of a file, which is then withheld', async () => {
    const { findings } = await scanArchive(await saved([{ [`app/${SENTINEL}`]: 'x' }]), [SENTINEL]);
    expect(findings).toHaveLength(1);
    expect(JSON.stringify(findings)).not.toContain(SENTINEL);
  });
});

describe('an image is refused for what it says of itself', () => {
  test.each<[string, object, string]>([
    ['a secret that is known in its history', { history: [{ created_by: `RUN x ${SENTINEL}` }] }, 'sentinel'],
    ['a live key in its environment', { config: { Env: [`HARMLESS=${live}`] } }, 'secret'],
    ['a variable with the name of a secret', { config: { Env: ['API_TOKEN=abc'] } }, 'environment'],
    ['a live key in a label', { config: { Labels: { note: live } } }, 'secret'],
    ['a password in a build step', { history: [{ created_by: 'RUN curl https://me:hunter22@host/' }] }, 'secret'],
  ])('%s', async (_what, config, rule) => {
    const { findings } = await scanArchive(await saved([{ 'app/a': 'x' }], config), [SENTINEL]);
    expect(findings.map((finding) => finding.rule)).toEqual([rule]);
    expect(JSON.stringify(findings)).not.toContain(SENTINEL);
    expect(JSON.stringify(findings)).not.toContain(live);
  });

  test('not for the path of a secret file', async () => {
    const config = { config: { Env: ['API_TOKEN_FILE=/run/secrets/API_TOKEN', 'PATH=/usr/bin'] } };
    expect((await scanArchive(await saved([{ 'app/a': 'x' }], config))).findings).toEqual([]);
  });
});

describe('a scan', () => {
  test('reads compressed layers too', async () => {
    const { findings } = await scanArchive(await saved([{ 'app/.env': '' }], {}, true));
    expect(findings.map(({ path }) => path)).toEqual(['app/.env']);
  });

  test('lets the ordinary through, and counts what it has read', async () => {
    const report = await scanArchive(
      await saved([{ 'app/main.ts': 'export const x = 1;', 'etc/passwd': 'root:x:0:0' }, { 'app/keys.ts': 'AKIMBO' }]),
    );
    expect(report).toMatchObject({ findings: [], layers: 2, files: 3 });
    expect(scanCheck(report)).toMatchObject({ status: 'passed', observed: 0 });
  });

  test('of nothing is no pass', async () => {
    expect(scanCheck(await scanArchive(Readable.from([await tar({})])))).toMatchObject({ status: 'failed' });
  });

  test('tells the first finding and how many there are', async () => {
    const report = await scanArchive(await saved([{ 'app/.env': '', 'app/.npmrc': '' }]));
    expect(scanCheck(report)).toMatchObject({
      status: 'failed',
      observed: 2,
      detail: expect.stringMatching(/app\/\.env .*and 1 more/),
    });
  });

  test('of an archive that breaks off fails', async () => {
    const whole = await buffer(await saved([{ 'app/main.ts': 'x'.repeat(5000) }]));
    await expect(scanArchive(Readable.from([whole.subarray(0, 3000)]))).rejects.toThrow();
  });

  test('does not search for what stands everywhere', async () => {
    await expect(scanArchive(Readable.from([]), ['abc'])).rejects.toThrow('six bytes');
  });
});
