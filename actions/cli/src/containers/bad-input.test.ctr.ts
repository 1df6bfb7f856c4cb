import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { freePorts, sealManifest, withImages, type Manifest } from '@papergate/delivery';
import { dockerEnvironment, placeContainers } from './testing/docker.ts';
import { expectRuns } from './testing/expectations.ts';
import { makeLeanKit, type LeanKit } from './testing/lean.ts';
import { mustEnd, papergate, type Ended } from './testing/papergate.ts';

jest.setTimeout(600_000);

let kit: LeanKit;
let good: Manifest;
let next: Manifest;
let dir: string;

beforeAll(async () => {
  kit = await makeLeanKit('input');
  dir = mkdtempSync(join(tmpdir(), 'papergate-input-'));
  good = await kit.lean();
  next = await kit.lean();
  await mustEnd(kit.papergate('deploy', ...kit.flags, '--manifest', kit.file(good)));
});
afterAll(async () => {
  rmSync(dir, { recursive: true, force: true });
  await kit?.remove();
});

/** Everything that is there: containers with their states, and what the place's folder holds besides its record of who came. */
function fingerprint(): string {
  const hash = createHash('sha256');
  const containers = placeContainers(kit.project).toSorted((a, b) => a.id.localeCompare(b.id));
  hash.update(JSON.stringify(containers));
  for (const path of ['history.json', 'place.json']) hash.update(readFileSync(join(kit.place, path)));
  hash.update(
    execFileSync('find', [join(kit.place, 'releases'), join(kit.place, 'secrets'), '-printf', '%p %s %T@\n']),
  );
  return hash.digest('hex');
}

/** Runs a command that must be refused with nothing touched, and gives what it said. */
async function refused(code: number, args: string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const before = fingerprint();
  const ended = await papergate({ repository: kit.clone.dir, home: kit.home, env }, ...args).ended;
  const said = `${ended.stdout}${ended.stderr}`;
  expect({ code: ended.code, said }).toEqual({ code, said: expect.any(String) });
  expect(said).not.toMatch(/^ +at .*\(.*:\d+:\d+\)/m);
  expect(said).toMatch(/fix: |next: |try/i);
  expect(fingerprint()).toBe(before);
  expectRuns(kit, good);
  return ended;
}

const deploy = (manifest: unknown): string[] => ['deploy', ...kit.flags, '--manifest', kit.file(manifest)];
const said = ({ stdout, stderr }: Ended): string => `${stdout}${stderr}`;

describe('what a caller gets wrong is said in one message, and nothing is touched', () => {
  test('a commit that nobody knows', async () => {
    expect(said(await refused(2, ['deploy', ...kit.flags, '--sha', 'deadbeef']))).toContain('deadbeef');
    expect(said(await refused(2, ['deploy', ...kit.flags, '--sha', 'd'.repeat(40)]))).toContain('dddddddd');
  });

  test('a rollback to what is none of the last good releases lists those that are', async () => {
    const ended = await refused(2, ['rollback', 'deadbeef', ...kit.flags, '--yes']);
    expect(said(ended)).toContain('deadbeef');
    expect(said(ended)).toContain(good.commit.slice(0, 7));
  });

  test.each<[string, () => unknown, RegExp]>([
    ['is no JSON', () => '{"schema": 1,', /manifest/i],
    ['lacks what a manifest has', () => ({ schema: 1, commit: 'x' }), /is not a manifest/],
    ['was changed after it was sealed', () => ({ ...next, commit: 'e'.repeat(40) }), /does not match its own digest/],
    [
      'names an image by a tag',
      () => {
        const images = { ...next.images, dashboard: { repository: `${kit.registry}/lean`, digest: 'latest' } };
        return { ...next, images };
      },
      /manifest/,
    ],
    [
      'names no images',
      () => {
        const { images: _images, digest: _digest, schema: _schema, ...content } = next;
        return sealManifest(content);
      },
      /image/,
    ],
  ])('a manifest that %s', async (_what, make, says) => {
    expect(said(await refused(2, deploy(make())))).toMatch(says);
  });

  test('a manifest whose file is not there', async () => {
    const path = join(dir, 'none.json');
    expect(said(await refused(2, ['deploy', ...kit.flags, '--manifest', path]))).toContain(path);
  });

  test('a manifest of which an image is missing', async () => {
    const images = {
      ...next.images,
      dashboard: { repository: `${kit.registry}/lean`, digest: `sha256:${'0'.repeat(64)}` },
    };
    expect(said(await refused(1, deploy(withImages(next, images))))).toMatch(/dashboard.*sha256:0000/s);
  });

  test.each([
    [['deploy', '--target', 'kubernetes', '--sha', 'HEAD'], /kubernetes/],
    [['deploy', '--target', 'nonsense', '--sha', 'HEAD'], /nonsense/],
    [['deploy', '--target', 'process', '--project', 'x', '--sha', 'HEAD'], /--project/],
    [['deploy', '--target', 'compose', '--project', 'UPPER', '--sha', 'HEAD'], /UPPER/],
    [['deploy', '--target', 'compose', '--host', 'http://example', '--sha', 'HEAD'], /--host/],
    [['deploy', '--target', 'compose'], /--sha/],
  ])('%j', async (args, says) => {
    expect(said(await refused(2, args))).toMatch(says);
  });
});

describe('what is wrong outside is said in one message, and nothing is touched', () => {
  test('a machine that does not answer', async () => {
    const host = ['--host', 'ssh://nobody@127.0.0.1:1'];
    expect(said(await refused(3, [...deploy(next), ...host]))).toContain('127.0.0.1');
  });

  test('an engine that does not answer', async () => {
    const nowhere = { DOCKER_HOST: `unix://${dir}/none.sock` };
    expect(said(await refused(3, deploy(next), nowhere))).toContain('none.sock');
  });

  test('no docker on the path', async () => {
    // All that this system has, but for docker.
    const bin = join(dir, 'bin-none');
    mkdirSync(bin);
    for (const folder of ['/usr/bin', '/bin'].filter((each) => existsSync(each))) {
      for (const name of readdirSync(folder).filter(
        (each) => !each.startsWith('docker') && !existsSync(join(bin, each)),
      )) {
        symlinkSync(join(folder, name), join(bin, name));
      }
    }
    expect(said(await refused(3, deploy(next), { PATH: bin }))).toMatch(/docker/i);
  });

  test.each<[string, string, RegExp]>([
    ['an engine that is too old', 'exec "$real" "$@" | sed "s/26\\.[0-9.]*/20.10.24/g"', /20\.10.*25/s],
    [
      'an engine without Compose',
      'case "$1" in compose) echo "docker: \'compose\' is not a docker command." >&2; exit 1;; *) exec "$real" "$@";; esac',
      /Compose/,
    ],
  ])('%s', async (title, script, says) => {
    const bin = join(dir, title.replaceAll(' ', '-'));
    mkdirSync(bin);
    const env = dockerEnvironment();
    const real = execFileSync('sh', ['-c', 'command -v docker'], { env, encoding: 'utf8' }).trim();
    writeFileSync(join(bin, 'docker'), `#!/bin/sh\nreal=${real}\n${script}\n`, { mode: 0o755 });
    expect(said(await refused(3, deploy(next), { PATH: `${bin}:${env['PATH'] ?? ''}` }))).toMatch(says);
  });

  test('a port of a new place that another program holds', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as AddressInfo;
    const project = kit.project.replace('-input-', '-port-');
    const place = join(kit.home, 'places', project);
    mkdirSync(place, { recursive: true, mode: 0o700 });
    const settings = JSON.parse(readFileSync(join(kit.place, 'place.json'), 'utf8')) as object;
    writeFileSync(join(place, 'place.json'), JSON.stringify({ ...settings, project }));
    const ports = JSON.parse(readFileSync(join(kit.place, 'ports.json'), 'utf8')) as Record<string, number>;
    const free = await freePorts(Object.keys(ports).length);
    const own = Object.keys(ports).map((name, index) => [name, name === 'dashboard' ? port : free[index]]);
    writeFileSync(join(place, 'ports.json'), JSON.stringify(Object.fromEntries(own)));
    try {
      const ended = await refused(3, [
        'deploy',
        '--target',
        'compose',
        '--project',
        project,
        '--manifest',
        kit.file(next),
      ]);
      expect(said(ended)).toContain(String(port));
      expect(placeContainers(project)).toEqual([]);
    } finally {
      await new Promise((resolve) => holder.close(resolve));
    }
  });

  test('a disk with too little room for a place', async () => {
    const small = join(dir, 'small');
    const project = kit.project.replace('-input-', '-small-');
    const place = join(small, 'places', project);
    mkdirSync(small);
    // Only root may, and only root can have started this engine.
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=100m', 'papergate-test', small]);
    try {
      mkdirSync(place, { recursive: true, mode: 0o700 });
      const settings = JSON.parse(readFileSync(join(kit.place, 'place.json'), 'utf8')) as object;
      writeFileSync(join(place, 'place.json'), JSON.stringify({ ...settings, project }));
      const args = ['deploy', '--target', 'compose', '--project', project, '--manifest', kit.file(next)];
      const ended = await papergate({ repository: kit.clone.dir, home: small }, ...args).ended;
      expect({ code: ended.code, said: said(ended) }).toEqual({ code: 3, said: expect.stringContaining('DISK_FULL') });
      expect(said(ended)).toContain(small);
      expect(placeContainers(project)).toEqual([]);
    } finally {
      execFileSync('umount', ['-l', small]);
    }
  });
});

describe('a record that a crash left half-written', () => {
  const at = (name: string): string => join(kit.place, name);

  test('a journal whose last line was cut off is closed and gone on with', async () => {
    const path = at('journal.jsonl');
    writeFileSync(path, `${readFileSync(path, 'utf8')}{"at":"2026-01-01T00:00:00.000Z","run":"x","gene`);
    await mustEnd(kit.papergate('deploy', ...kit.flags, '--manifest', kit.file(next)));
    expectRuns(kit, next);
    await mustEnd(kit.papergate('rollback', good.commit, ...kit.flags, '--yes'));
    expectRuns(kit, good);
  });

  test.each<[string, number]>([
    ['history.json', 2],
    ['place.json', 3],
  ])('a %s that was cut off is named, and what runs is left alone', async (name, code) => {
    const before = readFileSync(at(name), 'utf8');
    writeFileSync(at(name), before.slice(0, before.length / 2));
    try {
      const ended = await refused(code, deploy(next));
      expect(said(ended)).toContain(name);
    } finally {
      writeFileSync(at(name), before);
    }
  });

  test('an audit log that somebody edited is found', async () => {
    const path = at('audit.jsonl');
    const before = readFileSync(path, 'utf8');
    writeFileSync(path, before.replace('"outcome":"delivered"', '"outcome":"undone"'));
    try {
      const ended = await kit.papergate('audit', 'verify', ...kit.flags).ended;
      expect(ended.code).toBe(1);
      expect(said(ended)).toMatch(/entry 1/);
    } finally {
      writeFileSync(path, before);
    }
    await mustEnd(kit.papergate('audit', 'verify', ...kit.flags));
  });

  test('what was left aside of a write is no part of the place', async () => {
    writeFileSync(at('history.json.1234.part'), '{"half');
    await mustEnd(kit.papergate('status', ...kit.flags, '--json'));
    rmSync(at('history.json.1234.part'));
    expect(existsSync(at('history.json'))).toBe(true);
  });
});
