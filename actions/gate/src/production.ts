import { join } from 'node:path';
import {
  actorOf,
  decideProduction,
  gateFiles,
  gatePlace,
  gitHubTime,
  homeOf,
  loadGateConfig,
  makeHome,
  openGitHub,
  PASS,
  readGateConfig,
  readWaivers,
  recordDecision,
  type EvidenceStore,
  type GateContext,
  type Outcome,
  type ProductionDecision,
} from '@papergate/delivery';
import { Secret, UserError } from '@papergate/config';
import type { GateJob } from './gate.ts';
import { openWatch } from './prometheus.ts';
import { reportDecision } from './report.ts';

/** Whether production opens: every rule, with what GitHub and Prometheus say. The decision goes into the audit log. */
export async function judgeProduction(job: GateJob, store: EvidenceStore): Promise<Outcome> {
  const { inputs, env, context, setOutput, log, signal } = job;
  const waivers = readWaivers(inputs.waivers ?? []);
  const config =
    inputs.config === undefined
      ? loadGateConfig(join(inputs['working-directory'], 'config'))
      : readGateConfig(inputs.config);
  const token = inputs['github-token'] ?? new Secret('');
  if (token.isEmpty) throw missing('github-token');

  const github = openGitHub({ apiUrl: context.apiUrl, token, repository: context.repository, env, signal });
  const watch = openWatch(job);
  try {
    const asked: GateContext = {
      manifest: store.manifest,
      repository: context.repository,
      serverUrl: context.serverUrl,
      runId: Number(context.runId),
      moment: inputs.moment,
      act: context.act,
      version: inputs.version,
      config,
      now: () => gitHubTime({ apiUrl: context.apiUrl, token, env, signal }),
      github,
      prometheus: () => {
        if (watch.reader === undefined) throw missing('prometheus-url');
        return watch.reader;
      },
      files: gateFiles({
        checkout: inputs['working-directory'],
        evidence: store.dir,
        baseline: inputs.baseline,
        dependencyAudit: inputs['dependency-audit'],
        imageAudits: inputs['image-audits'],
        checkpoints: inputs.checkpoints,
        trustedRoot: inputs['trusted-root'],
        onCall: inputs['on-call'] ?? [],
        env,
        gitHubToken: token.reveal(),
        now: () => new Date(),
        signal,
      }),
    };
    const decision = await log.group('rules of production', () => decideProduction(asked, waivers));
    signal.throwIfAborted();
    await keep(job, store, decision);
    reportDecision(job, decision);
    setOutput('reasons', JSON.stringify(decision.reasons));
    return outcomeOf(decision);
  } finally {
    await Promise.all([github.close(), watch.close()]);
  }
}

/** On record before anybody acts on it: in the audit log of the home, and beside the evidence. */
async function keep(
  { home, env, context, setOutput, clean }: GateJob,
  store: EvidenceStore,
  decision: ProductionDecision,
) {
  const place = gatePlace(makeHome(homeOf(context.workspace, home)), env);
  const entry = await recordDecision(place, decision, { actor: actorOf(env), at: new Date().toISOString() });
  const name = `gate.production.${decision.moment}.json`;
  store.writeFile(name, JSON.parse(clean(JSON.stringify({ ...decision, audit: entry }))));
  setOutput('decision', join(store.dir, name));
}

function outcomeOf({ decision, reasons }: ProductionDecision): Outcome {
  const [first] = reasons;
  if (decision === 'pass') return PASS;
  return {
    verdict: 'block',
    reasonCode: first?.code ?? 'GATE_INCOMPLETE',
    message: `production stays closed: ${reasons.length} reasons; the first is ${first?.message ?? 'that not every rule was asked'}`,
    fix: 'mend what the table of the summary names, or waive a rule with a reason (input waivers)',
  };
}

const missing = (input: string): UserError =>
  new UserError({
    code: 'INPUT_INVALID',
    message: `the input ${input} is not given, and the gate of production needs it`,
    fix: `give ${input}`,
  });
