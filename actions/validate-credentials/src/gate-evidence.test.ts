import { afterAll, describe, expect, test } from '@jest/globals';
import { LIVE, SECRET } from '@papergate/config/testing';
import { recorder, runAction, type ProductionDecision } from '@papergate/delivery';
import { readGateEvidence } from './gate-evidence.ts';
import { INPUTS, OUTPUTS } from './inputs.ts';
import { makeCheckout } from './testing/checkout.ts';
import { validateCredentials } from './validate-credentials.ts';

const checkout = makeCheckout();
afterAll(() => checkout.remove());

const COMMIT = 'ab'.repeat(20);
const EVIDENCE = {
  approved: true,
  commit: COMMIT,
  manifest_digest: `sha256:${'cd'.repeat(32)}`,
  approved_by: ['ana', 'ben'],
  approved_at: '2026-01-05T12:00:00Z',
};
const rule = (name: string, seen: string): object => ({ name, seen, verdict: 'passed' });
const DECISION = {
  decision: 'pass',
  moment: 'after-approval',
  reasons: [],
  rules: [rule('soak', '51 h'), rule('approvers', 'ana, ben')],
  judgedAt: '2026-01-05T12:00:00Z',
  commit: COMMIT,
  manifestDigest: `sha256:${'cd'.repeat(32)}`,
};
const write = (value: unknown): string =>
  checkout.write('gate.json', typeof value === 'string' ? value : JSON.stringify(value));

describe('what the gate left', () => {
  test('is taken as evidence and as its decision', () => {
    expect(readGateEvidence(write(EVIDENCE))).toEqual(EVIDENCE);
    expect(readGateEvidence(write(DECISION))).toEqual(EVIDENCE);
  });

  test.each<[string, Partial<Record<keyof ProductionDecision, unknown>>]>([
    ['a block', { decision: 'block' }],
    ['a decision before the approval', { moment: 'before-approval' }],
    ['a pass with a reason against it', { reasons: [{ code: 'SOAK_TOO_SHORT' }] }],
    ['a pass without its reasons', { reasons: undefined }],
  ])('opens nothing by %s', (_title, over) => {
    expect(readGateEvidence(write({ ...DECISION, ...over }))).toMatchObject({ approved: false });
  });

  test.each(['{', '[', '7', 'null', '"pass"'])('is refused where it is %s', (text) => {
    expect(() => readGateEvidence(write(text))).toThrow(/gate\.json, which cannot be read as JSON/);
  });
});

describe('production', () => {
  const validate = async (gate: unknown, over: Record<string, string> = {}) => {
    const around = recorder({
      INPUT_ENVIRONMENT: 'production',
      INPUT_PROBE: 'false',
      'INPUT_ALPACA-API-KEY': LIVE,
      'INPUT_ALPACA-SECRET-KEY': SECRET,
      'INPUT_GATE-EVIDENCE': write(gate),
      DRY_RUN: 'false',
      ALPACA_PAPER: 'false',
      GITHUB_WORKSPACE: checkout.dir,
      PAPERGATE_HOME: `${checkout.dir}/.papergate`,
      ...over,
    });
    await runAction({ name: 'validate', inputs: INPUTS, outputs: OUTPUTS, main: validateCredentials }, around);
    return [around.outputs.get('verdict'), around.outputs.get('rules')];
  };

  test('is entered with a live key behind the gate', async () => {
    expect(await validate(DECISION)).toEqual(['pass', '[]']);
  });

  test.each<[string, object, Record<string, string>, string]>([
    ['nobody approved', { rules: [rule('approvers', 'nobody')] }, {}, '["gate"]'],
    ['it was not said who approved', { rules: [] }, {}, '["gate"]'],
    ['GitHub did not say when', { judgedAt: null }, {}, '["gate"]'],
    ['the gate said no', { decision: 'block' }, {}, '["gate"]'],
    ['another commit runs', {}, { RELEASE_SHA: 'cd'.repeat(20) }, '["gate"]'],
    [
      'a paper key is among the secrets',
      {},
      { INPUT_SECRETS: '{"ALPACA_PAPER_API_KEY":"x"}' },
      '["alias-conflict","foreign-variable"]',
    ],
    ['orders would stay on the machine', {}, { DRY_RUN: 'true' }, '["dry-run"]'],
  ])('is not entered where %s', async (_title, decision, env, rules) => {
    expect(await validate({ ...DECISION, ...decision }, env)).toEqual(['block', rules]);
  });
});
