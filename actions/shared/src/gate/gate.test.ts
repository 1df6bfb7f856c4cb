import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Evidence } from '../evidence/index.ts';
import { decideGate, type GateInput } from './index.ts';
import { PASSING, passingEvidence } from './testing.ts';

type Corrupt = (evidence: Evidence[]) => unknown[];

const decide = (evidence: readonly unknown[], over: Partial<GateInput> = {}) =>
  decideGate({ ...PASSING, evidence, ...over });

const at = (ms: number) => new Date(PASSING.now + ms).toISOString();
const only =
  (stage: string, change: (item: Evidence) => unknown): Corrupt =>
  (evidence) =>
    evidence.map((item) => (item.stage === stage ? change(item) : item));
const with_ = (change: object): Corrupt => only('load', (item) => ({ ...item, ...change }));
const firstCheck = (change: object): Corrupt =>
  only('load', (item) => ({
    ...item,
    checks: item.checks.map((check, i) => (i === 0 ? { ...check, ...change } : check)),
  }));
const latency = (change: object): Corrupt =>
  only('load', (item) => ({
    ...item,
    checks: item.checks.map((check) => (check.unit === 'ms' ? { ...check, ...change } : check)),
  }));

const omit = (value: object, key: string | number) =>
  Object.fromEntries(Object.entries(value).filter(([name]) => name !== String(key)));

const BLOCKING: Array<{ title: string; corrupt?: Corrupt; over?: Partial<GateInput>; reason: RegExp }> = [
  { title: 'no evidence at all', corrupt: () => [], reason: /smoke: there is no evidence/ },
  { title: 'one stage is missing', corrupt: (all) => all.slice(1), reason: /validate: there is no evidence/ },
  { title: 'one stage is there twice', corrupt: (all) => [...all, all[4]], reason: /load: there is evidence 2 times/ },
  { title: 'a stage failed', corrupt: with_({ status: 'failed' }), reason: /load: it failed/ },
  { title: 'a required stage was skipped', corrupt: with_({ status: 'skipped', checks: [] }), reason: /skipped/ },
  { title: 'a stage has no checks', corrupt: with_({ checks: [] }), reason: /holds no checks/ },
  {
    title: 'a check failed',
    corrupt: firstCheck({ status: 'failed' }),
    reason: /"market-data-flood: k6 verdict" failed/,
  },
  {
    title: 'a check is there twice',
    corrupt: only('smoke', (i) => ({ ...i, checks: [...i.checks, i.checks[0]] })),
    reason: /is there twice/,
  },
  {
    title: 'a smoke check is missing',
    corrupt: only('smoke', (i) => ({ ...i, checks: i.checks.slice(1) })),
    reason: /"market-data: health" is missing/,
  },
  {
    title: 'a load floor is missing',
    corrupt: only('load', (i) => ({ ...i, checks: i.checks.filter((c) => !c.name.endsWith('ticks accepted')) })),
    reason: /ticks accepted" is missing/,
  },
  { title: 'a latency is NaN', corrupt: latency({ observed: Number.NaN }), reason: /malformed|no number/ },
  {
    title: 'a latency is infinite',
    corrupt: latency({ observed: Number.POSITIVE_INFINITY }),
    reason: /malformed|no number/,
  },
  { title: 'a latency is the text NaN', corrupt: latency({ observed: 'NaN' }), reason: /no value/ },
  { title: 'a latency is empty text', corrupt: latency({ observed: '' }), reason: /no value/ },
  { title: 'a latency is blank text', corrupt: latency({ observed: '  ' }), reason: /no value/ },
  { title: 'a latency is null', corrupt: latency({ observed: null }), reason: /malformed/ },
  { title: 'a latency is text', corrupt: latency({ observed: 'fast' }), reason: /wanted a number/ },
  {
    title: 'a latency has no value',
    corrupt: only('load', (i) => ({ ...i, checks: i.checks.map((check) => omit(check, 'observed')) })),
    reason: /without a value/,
  },
  { title: 'a latency passed above its limit', corrupt: latency({ observed: 501 }), reason: /does not hold <=/ },
  {
    title: 'a share passed below its limit',
    corrupt: only('load', (i) => ({
      ...i,
      checks: i.checks.map((c) => (c.unit === '%' ? { ...c, observed: 12 } : c)),
    })),
    reason: /does not hold >=/,
  },
  {
    title: 'a limit that was lowered to what was reached',
    corrupt: latency({ observed: 5000, limit: '<= 9000' }),
    reason: /5000 does not hold <= 100/,
  },
  {
    title: 'another manifest',
    corrupt: with_({ manifest_digest: `sha256:${'c'.repeat(64)}` }),
    reason: /another manifest/,
  },
  {
    title: 'a manifest digest in upper case',
    corrupt: with_({ manifest_digest: `sha256:${'A'.repeat(64)}` }),
    reason: /malformed/,
  },
  {
    title: 'a manifest digest without algorithm',
    corrupt: with_({ manifest_digest: 'a'.repeat(64) }),
    reason: /malformed/,
  },
  { title: 'another commit', corrupt: with_({ commit: 'c'.repeat(40) }), reason: /another commit/ },
  { title: 'a short commit', corrupt: with_({ commit: 'bbbbbbb' }), reason: /malformed/ },
  {
    title: 'stale evidence',
    corrupt: with_({ started_at: at(-7_300_000), finished_at: at(-7_200_000) }),
    reason: /stale/,
  },
  { title: 'evidence from the future', corrupt: with_({ finished_at: at(60_000) }), reason: /from the future/ },
  {
    title: 'a finish before the start',
    corrupt: with_({ started_at: at(-1000), finished_at: at(-2000) }),
    reason: /before it started/,
  },
  { title: 'a time that is no time', corrupt: with_({ finished_at: 'yesterday, after lunch' }), reason: /RFC 3339/ },
  { title: 'a time without zone', corrupt: with_({ finished_at: '2026-01-15T11:59:00.000' }), reason: /RFC 3339/ },
  { title: 'a time with an offset', corrupt: with_({ finished_at: '2026-01-15T11:59:00+00:00' }), reason: /RFC 3339/ },
  {
    title: 'a date that does not exist',
    corrupt: with_({ finished_at: '2026-02-30T11:59:00.000Z' }),
    reason: /RFC 3339/,
  },
  { title: 'a time as a number', corrupt: with_({ finished_at: PASSING.now }), reason: /malformed/ },
  { title: 'another schema version', corrupt: with_({ schema: 2 }), reason: /malformed/ },
  { title: 'an unknown stage', corrupt: with_({ stage: 'lunch' }), reason: /malformed.*lunch/ },
  { title: 'an unknown key', corrupt: with_({ extra: 1 }), reason: /malformed/ },
  { title: 'an unknown status', corrupt: with_({ status: 'ok' }), reason: /malformed/ },
  { title: 'an unknown status of a check', corrupt: firstCheck({ status: 'ok' }), reason: /malformed/ },
  { title: 'a check without a name', corrupt: firstCheck({ name: '' }), reason: /malformed/ },
  { title: 'checks that are no list', corrupt: with_({ checks: {} }), reason: /malformed/ },
  { title: 'null in place of evidence', corrupt: (all) => [...all, null], reason: /evidence 6 is malformed/ },
  { title: 'text in place of evidence', corrupt: (all) => [...all, 'passed'], reason: /malformed/ },
  {
    title: 'a failed stage that is not required',
    corrupt: (all) => [...all, { ...all[0], stage: 'push', status: 'failed' }],
    reason: /push: it failed/,
  },
  {
    title: 'a stage that is not required and about another commit',
    corrupt: (all) => [...all, { ...all[0], stage: 'push', commit: 'c'.repeat(40) }],
    reason: /push: .*another commit/,
  },
  { title: 'nothing is required', over: { required: [] }, reason: /require nothing/ },
  { title: 'an unknown stage is required', over: { required: ['lunch'] }, reason: /unknown stages/ },
  { title: 'the time is NaN', over: { now: Number.NaN }, reason: /not told the time/ },
  { title: 'the age limit is NaN', over: { maxAgeMs: Number.NaN }, reason: /no age limit/ },
  { title: 'the age limit is zero', over: { maxAgeMs: 0 }, reason: /no age limit/ },
  { title: 'the age limit is infinite', over: { maxAgeMs: Number.POSITIVE_INFINITY }, reason: /no age limit/ },
  { title: 'the question names no manifest', over: { manifestDigest: '' }, reason: /no manifest digest/ },
  { title: 'the question names no commit', over: { commit: 'HEAD' }, reason: /no commit/ },
];

describe('the gate', () => {
  test('passes a complete, fresh set about this very release', () => {
    expect(decide(passingEvidence())).toEqual({ decision: 'pass', reasons: [] });
  });

  test('passes where a stage that is not required was skipped', () => {
    const skipped = { ...passingEvidence()[0], stage: 'push', status: 'skipped', checks: [] };
    expect(decide([...passingEvidence(), skipped])).toEqual({ decision: 'pass', reasons: [] });
  });

  test('passes evidence that is exactly as old as allowed, and blocks it a millisecond later', () => {
    const evidence = passingEvidence().map((item) => ({
      ...item,
      started_at: at(-3_600_000),
      finished_at: at(-3_600_000),
    }));
    expect(decide(evidence).decision).toBe('pass');
    expect(decide(evidence, { now: PASSING.now + 1 }).decision).toBe('block');
  });

  test('allows the clocks of two machines to differ by seconds', () => {
    const evidence = passingEvidence().map((item) => ({ ...item, finished_at: at(5000) }));
    expect(decide(evidence).decision).toBe('pass');
  });

  test.each(BLOCKING)('blocks on $title', ({ corrupt = (all) => all, over = {}, reason }) => {
    const { decision, reasons } = decide(corrupt(passingEvidence()), over);
    expect(decision).toBe('block');
    expect(reasons.join('\n')).toMatch(reason);
  });

  test('gives every reason, each once', () => {
    const { reasons } = decide(
      passingEvidence()
        .slice(2)
        .map((item) => ({ ...item, status: 'failed' })),
    );
    expect(reasons.length).toBeGreaterThan(4);
    expect(new Set(reasons).size).toBe(reasons.length);
  });

  test('has a table of at least 50 ways to block', () => {
    expect(BLOCKING.length).toBeGreaterThanOrEqual(50);
  });
});

/** Every place in a value where something can be changed, as paths. */
function paths(value: unknown, path: Array<string | number> = []): Array<Array<string | number>> {
  if (typeof value !== 'object' || value === null) return [path];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [path, ...entries.flatMap(([key, held]) => paths(held, [...path, key]))];
}

function alter(value: unknown, path: Array<string | number>, change: (held: unknown) => unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return change(value);
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string | number, unknown>;
  copy[key] = alter(copy[key], rest, change);
  return copy;
}

function drop(value: unknown, path: Array<string | number>): unknown {
  const last = path.at(-1)!;
  return alter(value, path.slice(0, -1), (held) => {
    if (Array.isArray(held)) return held.filter((_, index) => index !== last);
    return omit(held as object, last);
  });
}

describe('any single corruption of a passing set', () => {
  const clean = passingEvidence();
  // Free text may change without a change of meaning, and the limits that count are the gate's own.
  const carriesProof = paths(clean).filter((path) => !['unit', 'limit', 'detail'].includes(String(path.at(-1))));

  test('that puts nonsense in the place of a value blocks', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...carriesProof),
        fc.constantFrom<unknown>(null, Number.NaN, '', [], {}, 'NaN', true, Number.NEGATIVE_INFINITY, undefined),
        (path, nonsense) => {
          const corrupted = alter(clean, path, () => nonsense) as unknown[];
          const observedOfNoLimit = path.at(-1) === 'observed' && nonsense === undefined;
          fc.pre(!observedOfNoLimit);
          expect(decide(Array.isArray(corrupted) ? corrupted : []).decision).toBe('block');
        },
      ),
      { numRuns: 1500, examples: [[[0, 'checks', 0, 'name'], 'NaN']] },
    );
  });

  test('that leaves a value out blocks', () => {
    const removable = carriesProof.filter((path) => path.length > 0 && path.at(-1) !== 'observed');
    fc.assert(
      fc.property(fc.constantFrom(...removable), (path) => {
        expect(decide(drop(clean, path) as unknown[]).decision).toBe('block');
      }),
      { numRuns: 800 },
    );
  });

  test('that moves its times out of the window blocks', () => {
    fc.assert(
      fc.property(
        fc.nat(clean.length - 1),
        fc.oneof(fc.integer({ min: 5001, max: 1e10 }), fc.integer({ min: -1e10, max: -3_600_001 })),
        (index, offset) => {
          const moved = clean.map((item, i) =>
            i === index ? { ...item, started_at: at(offset - 1000), finished_at: at(offset) } : item,
          );
          expect(decide(moved).decision).toBe('block');
        },
      ),
    );
  });
});
