import { ExternalError, PapergateError, EXIT } from '@papergate/config';
import type { Secret, EnvSource } from '@papergate/config';
import { defineInputs, type InputsOf } from '../action/inputs/kinds.ts';
import type { Outcome } from '../action/outcome.ts';
import type { ActionLog } from '../action/output/log.ts';
import type { Summary } from '../action/output/summary.ts';
import { EvidenceStore } from '../evidence/store.ts';
import type { Home } from '../home/index.ts';
import type { Manifest } from '../release/manifest.ts';
import { runningManifest, type OpenPlace } from '../ship/place/index.ts';
import { annotateFailures, checkTable, failuresText } from './checks.ts';
import { goBack } from './delivery.ts';
import { githubOf, recordGoneBack } from './deployment.ts';
import {
  EVIDENCE_INPUT,
  GITHUB_ENVIRONMENT_INPUT,
  githubEnvironment,
  type PlaceInputs,
  type SecretInputs,
} from './inputs.ts';
import { openHome, placeOf, withOpenPlace, withSecrets, type VerbJob } from './place.ts';
import { PrivateFolder } from './private.ts';
import { keepEvidence, type RunFacts, type StageRun } from './record.ts';

/** Of the actions that look at what runs. */
export const RUNNING_INPUTS = defineInputs({
  'manifest-digest': {
    kind: 'digest',
    description: 'What has to run (output of deploy); any other release is refused. Without it: whatever runs.',
  },
  'on-failure': {
    kind: 'choice',
    of: ['keep', 'roll-back'],
    default: 'keep',
    description:
      'roll-back: a release that fails is taken off the good ones, and the one before it runs again; where there is none, it is taken down and its data stay. keep: it goes on.',
  },
  'github-token': {
    kind: 'secret',
    description: 'Where the release goes back: token with deployments: write, so that GitHub’s deployments say so too.',
  },
  'github-environment': GITHUB_ENVIRONMENT_INPUT,
  evidence: EVIDENCE_INPUT,
});
export type RunningInputs = InputsOf<typeof RUNNING_INPUTS>;

export interface RunningJob extends VerbJob {
  inputs: PlaceInputs & SecretInputs & RunningInputs;
  log: ActionLog;
  summary: Summary;
  setOutput(name: 'evidence' | 'manifest-digest' | 'sha' | 'checks', value: string): void;
  saveState(name: string, value: string): void;
}

/** A place with the release that runs in it. */
export interface Running {
  open: OpenPlace;
  manifest: Manifest;
  store: EvidenceStore;
  home: Home;
  env: EnvSource;
  token: Secret | undefined;
}

/** What a look at the running release has come to. */
export interface Looked {
  /** `smoke`, `load test`: for titles. */
  title: string;
  run: StageRun;
  facts: RunFacts;
  /** Where it failed. */
  reasonCode: string;
  /** Nothing could be looked at, for want of a tool: that says nothing of the release, which is left as it is. */
  isUnproven?: boolean;
}

/**
 * Opens the place, takes a look at what runs, keeps the evidence and reports it; goes back where that is wanted.
 * @throws ExternalError NO_STAGING; PapergateError OTHER_RELEASE
 */
export async function lookAtRunning(job: RunningJob, look: (running: Running) => Promise<Looked>): Promise<Outcome> {
  const { inputs, context, signal, stages, env: raw } = job;
  const home = openHome(job);
  const folder = new PrivateFolder(context);
  job.saveState('folder', folder.dir);
  try {
    const env = withSecrets(raw, inputs);
    const choice = placeOf(inputs, folder);
    const repository = inputs['working-directory'];
    return await withOpenPlace({ choice, repository, home, env, signal, ...(stages && { stages }) }, async (open) => {
      const manifest = await whatRuns(open, inputs['manifest-digest']);
      const where = inputs.evidence === undefined ? { home } : { dir: inputs.evidence };
      const store = EvidenceStore.open(manifest, where);
      job.setOutput('evidence', store.dir);
      job.setOutput('manifest-digest', manifest.digest);
      job.setOutput('sha', manifest.commit);
      const looked = await look({ open, manifest, store, home, env, token: await open.target.token() });
      const { environment, kind } = open.place;
      await keepEvidence(store, [looked.run], { environment, target: kind, ...looked.facts });
      return await report(job, open, manifest, looked);
    });
  } finally {
    folder.remove();
  }
}

async function whatRuns(open: OpenPlace, wanted: string | undefined): Promise<Manifest> {
  const { place } = open;
  const manifest = await runningManifest(open);
  if (manifest === undefined) {
    throw new ExternalError({
      code: 'NO_STAGING',
      message: `nothing that is on record runs in ${place.project} on ${place.host.name}`,
      fix: 'deliver a release first, with the action deploy; its inputs target, project, host and home have to be the same here',
    });
  }
  if (wanted === undefined || manifest.digest === wanted) return manifest;
  throw new PapergateError({
    code: 'OTHER_RELEASE',
    exitCode: EXIT.blocked,
    message: `${manifest.digest} of commit ${manifest.commit} runs in ${place.project}, and input manifest-digest is ${wanted}`,
    fix: 'somebody else delivered meanwhile: deliver the wanted release again, or look at the one that runs',
  });
}

async function report(job: RunningJob, open: OpenPlace, manifest: Manifest, looked: Looked): Promise<Outcome> {
  const { log, summary, setOutput } = job;
  const { title, run, reasonCode } = looked;
  const { checks, status } = run.result;
  const failed = checks.filter((check) => check.status === 'failed').length;
  setOutput('checks', JSON.stringify({ passed: checks.length - failed, failed }));
  summary.heading(`${title} of ${manifest.commit.slice(0, 12)}`);
  if (status === 'passed') {
    summary.verdict('pass', `${checks.length} checks passed`);
    checkTable(summary, checks);
    log.info(`${checks.length} checks passed`);
    return { verdict: 'pass' };
  }
  annotateFailures(log, title, checks);
  summary.verdict('block', `${failed} of ${checks.length} checks failed`);
  checkTable(summary, checks);
  const message = `${failed} of ${checks.length} checks failed: ${failuresText(checks)}`;
  const stays = job.inputs['on-failure'] === 'keep' || looked.isUnproven === true;
  const after = stays ? 'it goes on running' : await back(job, open, manifest, title);
  summary.text(after);
  if (looked.isUnproven === true) return { verdict: 'failed', reasonCode, message: `${message}; ${after}` };
  return { verdict: 'block', reasonCode, message: `${message}; ${after}`, fix: 'mend what is named and deliver again' };
}

async function back(job: RunningJob, open: OpenPlace, manifest: Manifest, title: string): Promise<string> {
  const { log, context, inputs, env } = job;
  const why = `it failed its ${title.toLowerCase()}`;
  const { to, words } = await log.group(`going back: ${why}`, () =>
    goBack(open, manifest, { why, command: `action, run ${context.runId}`, log }),
  );
  const api = await githubOf({ token: inputs['github-token'], env, signal: new AbortController().signal }, context);
  try {
    await recordGoneBack({ api, log, context, environment: githubEnvironment(inputs) }, { from: manifest, to, why });
  } finally {
    await api?.close();
  }
  return words;
}
