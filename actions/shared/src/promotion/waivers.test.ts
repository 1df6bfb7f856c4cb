import { describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAudit, verifyAudit } from '../deliver/audit.ts';
import { decideIn, makeWorld } from './testing/world.ts';
import { gatePlace, recordDecision } from './record.ts';
import { readWaivers } from './waivers.ts';

const REASON = 'all of us watch this one together';
const waiver = (rule: string, change: object = {}) => ({ rule, reason: REASON, who: 'octocat', ...change });

describe('a waiver', () => {
  test('lets a rule pass that would block, and says for what', async () => {
    const world = await makeWorld();
    world.files.onCall = [];
    const { decision, rules } = await decideIn(world, { waivers: readWaivers([waiver('on-call')]) });
    expect(decision).toBe('pass');
    expect(rules.find(({ name }) => name === 'on-call')).toMatchObject({
      verdict: 'waived',
      waiver: { who: 'octocat', reason: REASON },
      problems: [{ code: 'ON_CALL_NOBODY' }],
    });
  });

  test('is told apart where the rule passes without it', async () => {
    const { decision, needless, rules } = await decideIn(await makeWorld(), {
      waivers: readWaivers([waiver('on-call')]),
    });
    expect(decision).toBe('pass');
    expect(needless).toHaveLength(1);
    expect(rules.every(({ verdict }) => verdict === 'passed')).toBe(true);
  });

  test('stands in for one rule, and for no other', async () => {
    const world = await makeWorld();
    world.files.onCall = [];
    world.files.checkpoints.checkpoints = [];
    const { decision, reasons } = await decideIn(world, { waivers: readWaivers([waiver('on-call')]) });
    expect(decision).toBe('block');
    expect(reasons.map(({ code }) => code)).toEqual(['CHECKPOINT_MISSING']);
  });

  test('together with the configuration leaves a rule out', async () => {
    const world = await makeWorld();
    world.config.alerts.enabled = false;
    world.bundle.fired.push({ alertname: 'BreakerHalted', severity: 'critical', at: world.now - 60_000 });
    const { decision, rules } = await decideIn(world, { waivers: readWaivers([waiver('alerts')]) });
    expect(decision).toBe('pass');
    expect(rules.find(({ name }) => name === 'alerts')).toMatchObject({
      verdict: 'waived',
      config: expect.stringContaining('enabled false (default true)'),
    });
  });

  test('never opens production under act', async () => {
    const world = await makeWorld();
    world.act = true;
    expect(() => readWaivers([waiver('real-run')])).toThrow(/cannot be waived/);
    const forged = [{ rule: 'real-run' as const, reason: REASON, who: 'octocat' }];
    expect((await decideIn(world, { waivers: forged })).decision).toBe('block');
  });

  test.each([
    ['no list', waiver('alerts'), /no list/],
    ['a rule that does not exist', [waiver('lunch')], /no rule "lunch"; allowed: .*alerts/],
    ['no reason', [waiver('alerts', { reason: 'urgent' })], /its reason has 6 characters/],
    ['a reason of blanks', [waiver('alerts', { reason: ' '.repeat(40) })], /its reason has 0 characters/],
    ['nobody', [{ rule: 'alerts', reason: REASON }], /waiver 1/],
    ['a name that is no account', [waiver('alerts', { who: 'the whole team' })], /waiver 1: .who/],
    ['a rule twice', [waiver('alerts'), waiver('alerts')], /waived twice/],
    ['something more', [waiver('alerts', { until: 'tomorrow' })], /waiver 1/],
  ])('is refused with %s', (_title, value, words) => {
    expect(() => readWaivers(value)).toThrow(words);
    expect(() => readWaivers(value)).toThrow(expect.objectContaining({ code: 'WAIVER_INVALID', exitCode: 2 }));
  });
});

describe('the record', () => {
  test('has the decision, its reasons and its waivers in a chain that shows every change', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'papergate-gate-'));
    try {
      const place = gatePlace({ dir }, {});
      const actor = { user: 'runner', host: 'here', github_actor: 'octocat' };
      const world = await makeWorld();
      world.files.onCall = [];
      await recordDecision(place, await decideIn(world), { actor, at: '2026-06-10T12:00:00.000Z' });
      const waived = await decideIn(world, { waivers: readWaivers([waiver('on-call')]) });
      await recordDecision(place, waived, { actor, at: '2026-06-10T12:05:00.000Z' });
      expect(await readAudit(place)).toMatchObject([
        {
          outcome: 'block',
          action: 'gate',
          detail: { reasons: [{ rule: 'on-call', code: 'ON_CALL_NOBODY' }], waived: [] },
        },
        {
          outcome: 'pass',
          environment: 'production',
          to: { commit: world.manifest.commit, manifest: world.manifest.digest },
          detail: { waived: [{ rule: 'on-call', reason: REASON, who: 'octocat', instead_of: ['ON_CALL_NOBODY'] }] },
        },
      ]);
      expect(await verifyAudit(place)).toMatchObject({ ok: true, entries: 2 });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
