import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { appendAudit, readAudit, verifyAudit, type AuditDraft, type AuditEntry, type AuditVerdict } from './audit.ts';
import { recordAct } from './take-down.ts';
import { simManifest } from './testing/bundle.ts';
import type { Fate } from './testing/deployer.ts';
import { SimWorld } from './testing/world.ts';

const PATH = '/place/audit.jsonl';
const HEAD = '/place/audit.head';

const draft = (n: number): AuditDraft => ({
  at: `2026-01-05T12:00:0${n % 10}.000Z`,
  actor: { user: 'ada', host: 'here' },
  command: 'papergate deploy',
  action: 'deploy',
  from: null,
  to: { commit: `${n}`.repeat(40).slice(0, 40), manifest: 'sha256:x' },
  outcome: 'delivered',
  detail: { run: `run-${n}`, note: 'ünïcode “quotes” \u2028' },
});

let world: SimWorld;
beforeEach(() => {
  world = new SimWorld();
});

const append = (n: number, fates: Fate[] = []): Promise<unknown> => {
  const deployer = world.deployer({ fates });
  return world.time.run(Promise.race([appendAudit(world.place(deployer), draft(n)), deployer.died]));
};
const verdict = (): Promise<AuditVerdict> => world.time.run(verifyAudit(world.place(world.deployer())));
const lines = (): string[] => (world.disk.text(PATH) ?? '').trimEnd().split('\n');
const setLines = (changed: readonly string[]): void =>
  void world.disk.files.set(PATH, { text: changed.map((line) => `${line}\n`).join(''), at: 0 });
const entryAt = (index: number): AuditEntry => JSON.parse(lines()[index] ?? '') as AuditEntry;

async function withEntries(count: number): Promise<void> {
  for (let n = 1; n <= count; n += 1) await append(n);
}

describe('the audit log', () => {
  test('is whole after what was written to it, and empty where nothing was', async () => {
    expect(await verdict()).toEqual({ ok: true, entries: 0, problems: [], notes: [] });
    await withEntries(4);
    expect(await verdict()).toEqual({ ok: true, entries: 4, problems: [], notes: [] });
    const entries = await world.time.run(readAudit(world.place(world.deployer())));
    expect(entries.map(({ seq, detail }) => [seq, detail['run']])).toEqual([
      [1, 'run-1'],
      [2, 'run-2'],
      [3, 'run-3'],
      [4, 'run-4'],
    ]);
    expect(entries[1]?.prev).toBe(entries[0]?.hash);
  });

  test('tells which entry was edited, whatever was changed in it', async () => {
    await withEntries(3);
    setLines(lines().map((line, index) => (index === 1 ? line.replace('"ada"', '"eve"') : line)));
    expect(await verdict()).toMatchObject({
      ok: false,
      problems: [{ seq: 2, what: expect.stringContaining('was changed') }],
    });
  });

  test('finds an entry that was edited and given a hash that fits', async () => {
    await withEntries(3);
    const forged = new SimWorld();
    for (const n of [1, 7]) await forged.time.run(appendAudit(forged.place(forged.deployer()), draft(n)));
    const [, second = ''] = (forged.disk.text(PATH) ?? '').split('\n');
    setLines(lines().map((line, index) => (index === 1 ? second : line)));
    expect(await verdict()).toMatchObject({
      ok: false,
      problems: [{ seq: 3, what: expect.stringContaining('does not follow') }],
    });
  });

  test('finds entries that were taken out, and says which', async () => {
    await withEntries(4);
    setLines(lines().filter((_, index) => index !== 1));
    expect(await verdict()).toMatchObject({
      ok: false,
      problems: [{ seq: 3, what: 'entries 2 to 2 before it are gone' }],
    });
  });

  test('finds entries that were cut off at the end', async () => {
    await withEntries(3);
    setLines(lines().slice(0, 2));
    expect(await verdict()).toMatchObject({
      ok: false,
      problems: [{ seq: 3, what: expect.stringContaining('audit.head knows it') }],
    });
    setLines([]);
    expect((await verdict()).ok).toBe(false);
  });

  test('finds entries that change places', async () => {
    await withEntries(4);
    const [a = '', b = '', c = '', d = ''] = lines();
    setLines([a, c, b, d]);
    expect((await verdict()).ok).toBe(false);
    setLines([a, b, d, c]);
    expect((await verdict()).ok).toBe(false);
  });

  test('finds a cut end also where audit.head was set back with it: history and journal know more', async () => {
    await world.delivered(simManifest(1));
    const head = world.disk.text(HEAD) ?? '';
    const before = lines();
    await world.delivered(simManifest(2));
    setLines(before);
    world.disk.files.set(HEAD, { text: head, at: 0 });
    const found = await verdict();
    expect(found.problems.map(({ seq, what }) => `${seq} ${what}`)).toEqual([
      expect.stringMatching(/^2 is gone, although history.json knows it/),
      expect.stringMatching(/^2 is gone, although the journal knows it/),
    ]);
  });

  test('finds a log that was written anew from the start', async () => {
    await world.delivered(simManifest(1));
    const forged = new SimWorld();
    await forged.time.run(appendAudit(forged.place(forged.deployer()), draft(5)));
    world.disk.files.set(PATH, { text: forged.disk.text(PATH) ?? '', at: 0 });
    world.disk.files.set(HEAD, { text: forged.disk.text(HEAD) ?? '', at: 0 });
    expect(await verdict()).toMatchObject({
      ok: false,
      problems: [{ seq: 1, what: expect.stringContaining('was replaced') }, { seq: 1 }],
    });
  });

  test('finds that audit.head is gone or unreadable', async () => {
    await withEntries(2);
    world.disk.files.set(HEAD, { text: 'x', at: 0 });
    expect(await verdict()).toMatchObject({ ok: false, problems: [{ what: 'audit.head is missing or unreadable' }] });
  });

  test('does not call a kill tampering, wherever it struck, and goes on from there', async () => {
    for (let at = 1; at <= 6; at += 1) {
      for (const when of ['before', 'after', 'torn'] as const) {
        world = new SimWorld();
        await withEntries(2);
        await append(3, [{ at, kind: 'killed', when }]);
        expect(await verdict()).toMatchObject({ ok: true, problems: [] });
        await append(4);
        const after = await verdict();
        expect(after).toMatchObject({ ok: true, problems: [] });
        expect(after.entries).toBeGreaterThanOrEqual(3);
      }
    }
  });

  test('property: any one byte changed, any line gone, repeated or moved is found', async () => {
    await withEntries(5);
    const whole = lines();
    const change = fc.oneof(
      fc.record({
        kind: fc.constant('byte' as const),
        line: fc.nat(4),
        at: fc.nat(),
        by: fc.integer({ min: 1, max: 90 }),
      }),
      fc.record({ kind: fc.constant('remove' as const), line: fc.nat(4) }),
      fc.record({ kind: fc.constant('swap' as const), line: fc.nat(4), with: fc.nat(4) }),
    );
    await fc.assert(
      fc.asyncProperty(change, async (drawn) => {
        const changed = [...whole];
        const line = whole[drawn.line] ?? '';
        if (drawn.kind === 'remove') changed.splice(drawn.line, 1);
        else if (drawn.kind === 'swap') {
          fc.pre(drawn.line !== drawn.with);
          [changed[drawn.line], changed[drawn.with]] = [whole[drawn.with] ?? '', line];
        } else {
          const at = drawn.at % line.length;
          const code = 33 + ((line.charCodeAt(at) - 33 + drawn.by) % 94);
          const edited = `${line.slice(0, at)}${String.fromCharCode(code)}${line.slice(at + 1)}`;
          fc.pre(edited !== line && !sameMeaning(edited, line));
          changed[drawn.line] = edited;
        }
        setLines(changed);
        expect((await verdict()).ok).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  test('takes two that write at once: both are in it, in one order', async () => {
    const drafts = [1, 2, 3, 4, 5];
    let state = 7;
    const latency = (): number => (state = (state * 16_807) % 2_147_483_647) % 20;
    await world.time.run(
      Promise.all(drafts.map((n) => appendAudit(world.place(world.deployer({ latency })), draft(n)))),
    );
    const found = await verdict();
    expect(found).toMatchObject({ ok: true, entries: 5, problems: [] });
    const entries = await world.time.run(readAudit(world.place(world.deployer())));
    expect(entries.map(({ detail }) => String(detail['run'])).toSorted()).toEqual(drafts.map((n) => `run-${n}`));
  });

  test('has what is no deploy too, without waiting for one, and no secret of the place in it', async () => {
    await world.delivered(simManifest(1));
    const token = ['sentinel', 'value', 'of', 'a', 'token'].join('-');
    world.disk.files.set('/place/secrets/API_TOKEN', { text: `${token}\n`, at: 0 });
    const holder = world.deployer({ latency: () => 2 });
    const deploying = world.deliver(holder, simManifest(2));
    const deployer = world.deployer();
    await world.time.run(
      world.time.sleep(500).then(() =>
        recordAct(
          {
            target: world.options(deployer).target,
            actor: { user: 'ada', host: 'here' },
            command: `papergate emergency-stop --token ${token}`,
          },
          { action: 'emergency-stop', outcome: 'confirmed', detail: { reason: `leak of ${token}`, orders: 3 } },
        ),
      ),
    );
    await world.time.run(deploying);
    const entries = await world.time.run(readAudit(world.place(world.deployer())));
    expect(entries.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'deploy delivered',
      'emergency-stop confirmed',
      'deploy delivered',
    ]);
    expect(entries[1]?.detail).toEqual({ reason: 'leak of [redacted]', orders: 3 });
    expect(world.disk.text(PATH)).not.toContain(token);
    expect(await verdict()).toMatchObject({ ok: true });
  });

  test('has entries that anybody can check by hand: SHA-256 over the entry without its hash, keys sorted', async () => {
    await withEntries(1);
    expect(Object.keys(entryAt(0)).sort()).toEqual([
      'action',
      'actor',
      'at',
      'command',
      'detail',
      'environment',
      'from',
      'hash',
      'outcome',
      'prev',
      'project',
      'seq',
      'to',
    ]);
    expect(entryAt(0).hash).toMatch(/^[0-9a-f]{64}$/);
    expect(entryAt(0).prev).toBe('0'.repeat(64));
  });
});

function sameMeaning(a: string, b: string): boolean {
  try {
    return JSON.stringify(JSON.parse(a)) === JSON.stringify(JSON.parse(b));
  } catch {
    return false;
  }
}
