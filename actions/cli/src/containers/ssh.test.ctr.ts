import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startSshd, type Manifest, type TestSshd } from '@papergate/delivery';
import { dockerEnvironment, placeContainers } from './testing/docker.ts';
import { expectRuns } from './testing/expectations.ts';
import { makeLeanKit, type LeanKit } from './testing/lean.ts';
import { mustEnd } from './testing/papergate.ts';

jest.setTimeout(600_000);

let kit: LeanKit;
let sshd: TestSshd;
/** HOME on the machine behind SSH, which is this one. */
let there: string;
beforeAll(async () => {
  there = mkdtempSync(join(tmpdir(), 'papergate-there-'));
  const { PATH = '', DOCKER_HOST = '', DOCKER_CONFIG = '' } = dockerEnvironment();
  sshd = await startSshd({ env: { PATH, DOCKER_HOST, DOCKER_CONFIG, HOME: there } });
  // Here, where the deployer runs, there is no engine.
  kit = await makeLeanKit('ssh', { DOCKER_HOST: 'unix:///nonexistent/docker.sock' });
  const place = join(there, '.papergate', 'places', kit.project);
  cpSync(kit.place, place, { recursive: true });
  rmSync(kit.place, { recursive: true });
});
afterAll(async () => {
  await kit?.remove();
  await sshd?.stop();
  rmSync(there, { recursive: true, force: true });
});

const flags = ({ identity = sshd.identity, knownHosts = sshd.knownHosts, url = sshd.url } = {}): string[] => [
  ...kit.flags,
  '--host',
  url,
  '--identity',
  identity,
  '--known-hosts',
  knownHosts,
];

describe('a machine behind SSH', () => {
  let first: Manifest;

  test('is delivered to and rolled back, with the digests of the manifest', async () => {
    first = await kit.lean();
    const second = await kit.lean();
    for (const release of [first, second]) {
      await mustEnd(kit.papergate('deploy', ...flags(), '--manifest', kit.file(release)));
      expectRuns(kit, release);
    }
    await mustEnd(kit.papergate('rollback', first.commit, ...flags(), '--yes'));
    expectRuns(kit, first);
    const status = await mustEnd(kit.papergate('status', ...flags(), '--json'));
    expect(status.stdout).toContain(first.commit);
  });

  test('a broken release is undone there, and its words come back', async () => {
    const broken = await kit.lean({ fault: 'exits', service: 'dashboard' });
    const ended = await kit.papergate('deploy', ...flags(), '--manifest', kit.file(broken)).ended;
    expect(ended.code).toBe(1);
    expect(`${ended.stdout}${ended.stderr}`).toMatch(/dashboard.*exits, 7f3a/s);
    expectRuns(kit, first);
  });

  test.each<[string, () => Parameters<typeof flags>[0], number, RegExp]>([
    ['with a key that it does not know', () => ({ identity: sshd.stranger }), 2, /key/i],
    ['whose host key is not known', () => ({ knownHosts: sshd.emptyHosts }), 2, /host key/i],
    ['whose host key has changed', () => ({ knownHosts: sshd.changedHosts }), 2, /host key/i],
    ['that does not answer', () => ({ url: sshd.url.replace(/:\d+$/, ':1') }), 3, /127\.0\.0\.1/],
  ])('%s is refused in one message, with nothing touched', async (_how, wrong, code, says) => {
    const before = placeContainers(kit.project);
    const next = await kit.lean();
    const ended = await kit.papergate('deploy', ...flags(wrong()), '--manifest', kit.file(next)).ended;
    expect({ code: ended.code, said: ended.stderr }).toEqual({ code, said: expect.stringMatching(says) });
    expect(ended.stderr).toContain('fix: ');
    expect(placeContainers(kit.project)).toEqual(before);
  });

  test('is taken down, its volumes too', async () => {
    await mustEnd(kit.papergate('stop', ...flags(), '--volumes', '--yes'));
    expect(placeContainers(kit.project)).toEqual([]);
  });
});
