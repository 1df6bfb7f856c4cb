import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EnvSource, Secret } from '@papergate/config';
import {
  openGitHub,
  PASS,
  validateCheckout,
  type ActionContext,
  type ActionJob,
  type Check,
  type GitHub,
  type Outcome,
} from '@papergate/delivery';
import { readGateEvidence } from './gate-evidence.ts';
import { gather } from './gather.ts';
import type { INPUTS, OUTPUTS } from './inputs.ts';
import { annotate, codeOf, ofFinding, ofProblem, summarise, type Report } from './report.ts';
import { judgeSecretNames } from './secret-names.ts';

type Job = ActionJob<typeof INPUTS, typeof OUTPUTS>;

/** The configuration, the credentials and everything else that the job can see, before the one policy. */
export async function validateCredentials(job: Job): Promise<Outcome> {
  const { inputs, context, log, summary, setOutput } = job;
  const root = inputs['working-directory'];
  const startedAt = new Date();
  const report = await log.group(`Credentials for ${inputs.environment}`, () => judge(job));
  job.signal.throwIfAborted();
  for (const note of report.notes) log.info(`note: ${note}`);
  annotate(log, report.objections, root, context.workspace);
  summarise(summary, report);
  setOutput('rules', JSON.stringify([...new Set(report.objections.map(({ rule }) => rule))]));
  setOutput('checked', report.checked.length);
  setOutput('evidence', writeEvidence(job, report, startedAt));
  const [first] = report.objections;
  if (first === undefined) {
    log.info(`${inputs.environment}: ${report.checked.length} rules hold`);
    return PASS;
  }
  const more = report.objections.length - 1;
  return {
    verdict: 'block',
    reasonCode: codeOf(first.rule),
    message: `${first.message}${more === 0 ? '' : ` (and ${more} more)`}`,
    fix: first.fix,
  };
}

async function judge({ inputs, context, env: jobEnv, log, signal }: Job): Promise<Report> {
  const { environment, 'working-directory': root, 'gate-evidence': gatePath } = inputs;
  const { env, objections } = gather(inputs, jobEnv);
  const outcome = await validateCheckout({
    repository: root,
    environment,
    env,
    probe: inputs.probe,
    signal,
    gate: gatePath === undefined ? undefined : readGateEvidence(gatePath),
    // Another repository's own services need none of it; in production, in doubt, it blocks.
    mayBeWithoutConfig: environment !== 'production',
  });
  const names = await judgeSecretNames(gitHubOf(inputs['github-token'], context, jobEnv, signal), {
    environment,
    gitHubEnvironment: inputs['github-environment'] ?? environment,
    wanted: inputs['secret-names'],
    required: inputs['require-secret-names'],
  });
  log.info(
    `${Object.keys(env).length} variables and secrets, and the files of the checkout, before ${outcome.checked.length} rules`,
  );
  return {
    environment,
    objections: [
      ...outcome.findings.map(ofFinding),
      ...objections,
      ...names.objections,
      ...outcome.problems.map((problem) => ofProblem(problem, root)),
    ],
    checked: [...outcome.checked, 'said-twice', ...names.checked],
    notes: [...outcome.notes, ...names.notes],
  };
}

function gitHubOf(
  token: Secret | undefined,
  { apiUrl, repository }: ActionContext,
  env: EnvSource,
  signal: AbortSignal,
): GitHub | undefined {
  return token === undefined ? undefined : openGitHub({ apiUrl, repository, token, env, signal });
}

/** The evidence of the stage `validate`, as yet without a manifest: there is none before the build. */
function writeEvidence({ home, context, clean }: Job, report: Report, startedAt: Date): string {
  const { environment, objections, checked, notes } = report;
  const failed: Check[] = objections.map(({ rule, where, message }) => {
    return { name: `credentials: ${rule}`, status: 'failed', observed: where, detail: message };
  });
  const passed: Check[] = checked
    .filter((rule) => !objections.some((objection) => objection.rule === rule))
    .map((rule) => ({ name: `credentials: ${rule}`, status: 'passed' }));
  const folder = join(home, 'evidence');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `validate-credentials-${environment}.json`);
  const evidence = {
    schema: 1,
    stage: 'validate',
    commit: context.sha,
    started_at: startedAt.toISOString(),
    finished_at: new Date().toISOString(),
    status: failed.length === 0 ? 'passed' : 'failed',
    checks: [...failed, ...passed],
    data: { environment, notes },
  };
  writeFileSync(path, `${clean(JSON.stringify(evidence, null, 2))}\n`);
  return path;
}
