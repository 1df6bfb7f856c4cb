import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Manifest } from '@papergate/delivery';
import { waitFor } from '@papergate/delivery';
import { dockerEnvironment } from './testing/docker.ts';
import { expectRuns } from './testing/expectations.ts';
import { running } from './testing/services.ts';
import { journalOf } from './testing/journal.ts';
import { makeLeanKit, type LeanKit } from './testing/lean.ts';
import { mustEnd, papergate, type Command } from './testing/papergate.ts';

jest.setTimeout(600_000);

let kit: LeanKit;
let clocks: string;
beforeAll(async () => {
  kit = await makeLeanKit('together');
  clocks = mkdtempSync(join(tmpdir(), 'papergate-clock-'));
});
afterAll(async () => {
  rmSync(clocks, { recursive: true, force: true });
  await kit?.remove();
});

/** A deployer whose clock is wrong by so many minutes. */
function withClock(minutes: number, ...args: string[]): Command {
  const file = join(clocks, `clock${minutes}.mjs`);
  writeFileSync(
    file,
    `const right = Date.now; const off = ${minutes} * 60_000;
     globalThis.Date = class extends Date {
       constructor(...args) { super(...(args.length === 0 ? [right() + off] : args)); }
       static now() { return right() + off; }
     };`,
  );
  const node = ['--import', pathToFileURL(file).href];
  return papergate({ repository: kit.clone.dir, home: kit.home, node, env: dockerEnvironment() }, ...args);
}

const deployWith = (minutes: number, manifest: Manifest): Command =>
  withClock(minutes, 'deploy', ...kit.flags, '--manifest', kit.file(manifest));

/** Waits until a deployer holds the place and is at work. */
async function atWork(deployer: Command, before: number): Promise<void> {
  let over = false;
  void deployer.ended.then(() => (over = true));
  const begun = (): boolean =>
    journalOf(kit.place)
      .slice(before)
      .some(({ step }) => step === 'deploy');
  await waitFor(() => begun() || over, { timeoutMs: 60_000, everyMs: 5 });
  if (!begun()) throw new Error(`it has not begun:\n${deployer.output()}`);
}

describe('deployers that know nothing of each other', () => {
  test('two at once: one delivers, the other is told who holds the place and changes nothing', async () => {
    const [first, second] = [await kit.lean(), await kit.lean()];
    const both = [first, second].map((manifest) => deployWith(0, manifest));
    const ended = await Promise.all(both.map(({ ended: end }) => end));
    const codes = ended.map(({ code }) => code);
    expect(codes).toEqual(expect.arrayContaining([0, 3]));
    const winner = codes[0] === 0 ? first : second;
    expectRuns(kit, winner);
    const loser = ended[codes[0] === 0 ? 1 : 0];
    expect(loser?.stderr).toMatch(/held by process \d+ .* since/s);
  });

  test.each([
    [10, -10],
    [-10, 10],
    [0, 10],
  ])('with clocks off by %d and %d minutes a live one is never taken over', async (one, other) => {
    const slow = await kit.lean({ slowMs: 4_000 });
    const before = journalOf(kit.place).length;
    const first = deployWith(one, slow);
    await atWork(first, before);
    const second = await deployWith(other, await kit.lean()).ended;
    expect({ code: second.code, said: second.stderr }).toEqual({ code: 3, said: expect.stringMatching(/held by/) });
    await mustEnd(first);
    expectRuns(kit, slow);
  });

  test.each([10, -10])(
    'one that was killed is taken over at once, also by one whose clock is off by %d minutes',
    async (off) => {
      const slow = await kit.lean({ slowMs: 20_000 });
      const before = journalOf(kit.place).length;
      const first = deployWith(0, slow);
      await atWork(first, before);
      first.child.kill('SIGKILL');
      await first.ended;
      const next = await kit.lean();
      const began = performance.now();
      await mustEnd(deployWith(off, next));
      expect(performance.now() - began).toBeLessThan(90_000);
      expectRuns(kit, next);
      expect(running(kit.project)).toHaveLength(8);
    },
  );
});
