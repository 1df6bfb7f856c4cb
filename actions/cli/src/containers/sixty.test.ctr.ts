import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Manifest } from '@papergate/delivery';
import { containersOf, docker, imagesOf } from './testing/docker.ts';
import { expectRuns } from './testing/expectations.ts';
import { makeLeanKit, type LeanKit } from './testing/lean.ts';
import { mustEnd } from './testing/papergate.ts';

jest.setTimeout(1_800_000);
// Once: it takes minutes, and what it looks for does not go away by chance.
jest.retryTimes(0);

const DEPLOYS = 60;
const KEPT = 5;
/** Of each release's own, so that one which was not removed shows. */
const BALLAST = 2_000_000;

let kit: LeanKit;
beforeAll(async () => {
  kit = await makeLeanKit('sixty');
});
afterAll(async () => {
  await kit?.remove();
});

/** What the place takes after a deploy. */
function usage(): { images: number; containers: number; networks: number; volumes: number; kilobytes: number } {
  const count = (...args: string[]): number =>
    docker(...args)
      .split('\n')
      .filter((line) => line.startsWith(kit.project)).length;
  return {
    images: imagesOf(`${kit.registry}/lean`).length,
    containers: containersOf(`com.papergate.project=${kit.project}`).length,
    networks: count('network', 'ls', '--format', '{{.Name}}'),
    volumes: count('volume', 'ls', '-q'),
    kilobytes: Number(execFileSync('du', ['-sk', kit.place], { encoding: 'utf8' }).split(/\s/)[0]),
  };
}

describe('sixty deploys in a row, every third failing', () => {
  test('leave the last five good releases there, and the disk as it was', async () => {
    const good: Manifest[] = [];
    const seen: ReturnType<typeof usage>[] = [];
    for (let number = 1; number <= DEPLOYS; number++) {
      const isBad = number % 3 === 0;
      const release = await kit.lean({
        ballast: BALLAST,
        ...(isBad
          ? { fault: 'refuses', service: ['market-data', 'dashboard', 'orchestrator'][(number / 3) % 3] ?? '' }
          : {}),
      });
      // Its smoke test is another test's.
      const { status } = await kit.deploy(release, { smoke: false });
      expect({ number, status }).toEqual({ number, status: isBad ? 'undone' : 'delivered' });
      if (!isBad) good.unshift(release);
      const [newest] = good;
      if (newest === undefined) throw new Error('no good release yet');
      expectRuns(kit, newest);
      seen.push(usage());
    }
    const settled = seen.slice(12);
    const last = settled.at(-1);
    const first = settled[0];
    if (first === undefined || last === undefined) throw new Error('too few deploys');
    // Each good release is one image; a bad one is two until it is removed.
    expect(Math.max(...settled.map(({ images }) => images))).toBeLessThanOrEqual(KEPT);
    expect(Math.max(...settled.map(({ containers }) => containers))).toBe(
      Math.min(...settled.map(({ containers }) => containers)),
    );
    expect([last.networks, last.volumes]).toEqual([first.networks, first.volumes]);
    // Text of journal and audit log, and the checkpoints of an empty database.
    expect(last.kilobytes - first.kilobytes).toBeLessThan(2_000);
    const kept = readdirSync(join(kit.place, 'releases')).toSorted();
    expect(kept).toEqual(
      good
        .slice(0, KEPT)
        .map(({ digest }) => digest.slice('sha256:'.length, 'sha256:'.length + 12))
        .toSorted(),
    );
    // And they are more than names: the oldest of them comes back.
    const oldest = good[KEPT - 1];
    if (oldest === undefined) throw new Error('fewer than five good releases');
    await mustEnd(kit.papergate('rollback', oldest.commit, ...kit.flags, '--yes'));
    expectRuns(kit, oldest);
    const gone = good[KEPT];
    const refused = await kit.papergate('rollback', gone?.commit ?? '', ...kit.flags, '--yes').ended;
    expect(refused.code).toBe(2);
  });
});
