import { join } from 'node:path';
import {
  annotateFailures,
  checkTable,
  decideGate,
  keepEvidence,
  PASS,
  timed,
  type Check,
  type EvidenceStore,
  type Outcome,
  type StageResult,
} from '@papergate/delivery';
import type { GateJob } from './gate.ts';

/** Staging's own gate: every stage left evidence that is whole, fresh, passed and about this very release. */
export async function judgeStaging(
  { inputs, log, summary, setOutput }: GateJob,
  store: EvidenceStore,
): Promise<Outcome> {
  const { required, 'max-age-minutes': minutes } = inputs;
  const { manifest } = store;
  const { decision, reasons } = decideGate({
    manifestDigest: manifest.digest,
    commit: manifest.commit,
    // The gate's own earlier word is no evidence.
    evidence: store.all().filter(({ stage }) => stage !== 'gate'),
    now: Date.now(),
    maxAgeMs: minutes * 60_000,
    required,
  });
  const checks = required.map((stage) => checkOf(stage, reasons));
  const others = reasons.filter((reason) => !required.some((stage) => reason.startsWith(`${stage}:`)));
  checks.push(...others.map((detail): Check => ({ name: detail.slice(0, 60), status: 'failed', detail })));
  const result: StageResult = {
    status: decision === 'pass' ? 'passed' : 'failed',
    checks,
    data: { required, reasons, max_age_ms: minutes * 60_000 },
  };
  await keepEvidence(store, [await timed('gate', () => Promise.resolve(result))], {});
  const listed = reasons.map((message) => ({ rule: 'evidence', code: 'EVIDENCE_BLOCKS', message }));
  setOutput('reasons', JSON.stringify(listed));
  setOutput('decision', store.pathOf('gate'));
  summary.heading('Gate of staging');
  summary.text(
    'Evidence of ',
    { code: manifest.commit.slice(0, 12) },
    ` in ${join(store.dir)}, at most ${minutes} minutes old.`,
  );
  if (decision === 'pass') summary.verdict('pass', `${required.join(', ')} are proven`);
  else summary.verdict('block', `${reasons.length} doubts`);
  checkTable(summary, checks);
  annotateFailures(log, 'gate', checks);
  if (decision === 'pass') return PASS;
  return {
    verdict: 'block',
    reasonCode: 'EVIDENCE_BLOCKS',
    message: `the evidence does not prove the release: ${reasons.slice(0, 3).join('; ')}${reasons.length > 3 ? `; and ${reasons.length - 3} more` : ''}`,
    fix: 'run the stage that it names again, with the same manifest',
  };
}

function checkOf(stage: string, reasons: readonly string[]): Check {
  const own = reasons.filter((reason) => reason.startsWith(`${stage}:`));
  const name = `evidence of ${stage}`;
  if (own.length === 0) return { name, status: 'passed', observed: 'proven' };
  return { name, status: 'failed', observed: `${own.length} doubts`, detail: own.join('; ') };
}
