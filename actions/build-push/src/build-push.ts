import { join } from 'node:path';
import { Secret, UserError, type EnvSource } from '@papergate/config';
import {
  annotateFailures,
  buildBundle,
  buildRelease,
  checkLogin,
  checkTable,
  EvidenceStore,
  failuresText,
  findSigner,
  imageName,
  inInputs,
  keepEvidence,
  keptTimed,
  loggedIn,
  makeRelease,
  openHome,
  parseImage,
  PASS,
  PrivateFolder,
  pushBundle,
  registryNamespace,
  removePrivateFolder,
  resolveCommit,
  stray,
  timed,
  type ActionJob,
  type BuiltBundle,
  type Manifest,
  type Outcome,
  type PostJob,
  type PushOutcome,
  type Release,
  type StageResult,
  type StageRun,
  type StageToKeep,
} from '@papergate/delivery';
import type { INPUTS, OUTPUTS } from './inputs.ts';
import { buildArgsOf } from './build-args.ts';
import { signingEnvironment } from './signing.ts';

export type BuildPushJob = ActionJob<typeof INPUTS, typeof OUTPUTS>;

/** Makes the release of a commit: its images, pushed by digest, or for the process target its tree. */
export async function buildPush(job: BuildPushJob): Promise<Outcome> {
  const { inputs, context, signal, log } = job;
  const repository = inputs['working-directory'];
  const home = openHome(job);
  checkInputs(job);
  const { sha, subject } = await resolveCommit(repository, inputs.sha ?? context.sha, signal);
  job.setOutput('sha', sha);
  log.info(`${sha.slice(0, 12)} ${subject}`);
  const release = await makeRelease(repository, home.releases, sha, signal);
  const made = inputs.target === 'process' ? await makeTree(job, release) : await makeImages(job, release);
  const store = EvidenceStore.open(made.manifest, { home });
  const { environment, target } = inputs;
  await keepEvidence(store, made.runs, { subject, environment, target });
  tell(job, made, store);
  return made.outcome;
}

interface Made {
  manifest: Manifest;
  runs: StageRun[];
  outcome: Outcome;
  pushed?: PushOutcome;
}

/** What can be told to be wrong is told before anything is built. */
function checkInputs({ inputs, log }: BuildPushJob): void {
  for (const name of ['node-image', 'postgres-image'] as const) {
    const image = inputs[name];
    if (image !== undefined) inInputs(() => parseImage(image));
  }
  if (inputs.target === 'compose') return;
  if (inputs.attest || inputs['sign-key'] !== undefined) {
    throw stray(
      inputs.attest ? 'attest' : 'sign-key',
      'images, and the target process makes none',
      'set target: compose',
    );
  }
  // One workflow serves both targets.
  for (const name of ['registry', 'registry-token', 'node-image', 'postgres-image'] as const) {
    if (inputs[name] !== undefined) log.info(`the target process has no use for ${name}`);
  }
}

/** Where the evidence of a stage goes that breaks off. */
const broken = (job: BuildPushJob, { manifest }: Release, stage: 'build' | 'push'): StageToKeep => ({
  stage,
  store: () => {
    const store = EvidenceStore.open(manifest, { home: openHome(job) });
    job.setOutput('evidence', store.dir);
    return store;
  },
  facts: { environment: job.inputs.environment, target: job.inputs.target },
});

async function makeTree(job: BuildPushJob, release: Release): Promise<Made> {
  const { inputs, signal, log } = job;
  const onProgress = (message: string): void => log.info(message);
  const built = await log.group('build', () =>
    keptTimed(broken(job, release, 'build'), () =>
      buildRelease(inputs['working-directory'], release, { signal, onProgress }),
    ),
  );
  log.info('nothing to push: the process target runs the release where it was built');
  const pushed = await timed('push', () =>
    Promise.resolve<StageResult>({
      status: 'skipped',
      checks: [],
      data: { reason: 'not needed: the process target runs the release where it was built' },
    }),
  );
  return { manifest: release.manifest, runs: [built, pushed], outcome: PASS };
}

async function makeImages(job: BuildPushJob, release: Release): Promise<Made> {
  const { inputs, context, signal, log } = job;
  const registry = registryNamespace(inputs, context);
  const buildArgs = buildArgsOf(inputs['build-args']);
  const folder = new PrivateFolder(context);
  job.saveState('folder', folder.dir);
  try {
    const signing = signingEnvironment(job.env, inputs);
    demandSigner(signing, inputs.attest);
    const env = loggedIn(signing, inputs, registry, folder);
    await checkLogin(registry, env, signal);
    const options = {
      repository: inputs['working-directory'],
      env,
      nodeImage: inputs['node-image'],
      postgresImage: inputs['postgres-image'],
      buildArgs,
      sentinels: sentinelsOf(job),
    };
    const call = { onProgress: progressTo(log), signal };
    const building: { bundle?: BuiltBundle } = {};
    const built = await log.group('build', () =>
      keptTimed(
        broken(job, release, 'build'),
        async () => (building.bundle = await buildBundle(release, options, call)).result,
      ),
    );
    if (built.result.status !== 'passed' || building.bundle === undefined) {
      return { manifest: release.manifest, runs: [built], outcome: refused(built.result) };
    }
    const { built: images } = building.bundle;
    const pushing: { done?: PushOutcome } = {};
    const pushed = await log.group(`push to ${registry}`, () =>
      keptTimed(
        broken(job, release, 'push'),
        async () => (pushing.done = await pushBundle(release, images, { ...options, registry }, call)).result,
      ),
    );
    const manifest = pushing.done?.manifest ?? release.manifest;
    return {
      manifest,
      runs: [built, pushed],
      outcome: PASS,
      ...(pushing.done === undefined ? {} : { pushed: pushing.done }),
    };
  } finally {
    folder.remove();
  }
}

function refused(result: StageResult): Outcome {
  return {
    verdict: 'block',
    reasonCode: 'BUILD_REFUSED',
    message: `what was built is not as it has to be: ${failuresText(result.checks)}`,
    fix: 'mend what is named and commit; nothing was pushed',
  };
}

function demandSigner(env: EnvSource, attest: boolean): void {
  if (!attest || findSigner({ env }) !== undefined) return;
  throw new UserError({
    code: 'ATTEST_UNSIGNED',
    message: 'input attest is true, and there is nothing to sign SBOM and provenance with',
    fix: 'give the job "permissions: id-token: write", or give sign-key',
  });
}

/** Secrets that must be in no layer: those that were handed to us, and those of the job. */
function sentinelsOf({ inputs, env }: BuildPushJob): string[] {
  const given = Object.values(inputs).flatMap((value) => (value instanceof Secret ? [value.reveal().trim()] : []));
  const named = Object.entries(env).flatMap(([name, value = '']) =>
    /(?:TOKEN|SECRET|PASSWORD|SECRET_KEY|API_KEY)$/.test(name) && value.length >= 16 && !value.startsWith('/')
      ? [value]
      : [],
  );
  return [...new Set([...given, ...named])].filter((one) => one !== '');
}

/** What docker says of each layer of each image. */
const LAYER = /: [0-9a-f]{12}: \w/;

/** A line a step: how far it is changes too often for a log. */
function progressTo(log: BuildPushJob['log']): (message: string) => void {
  let told = '';
  return (message) => {
    const step = message.replaceAll(/\d+(?:\.\d+)? ?(?:s|%|MB|of \d+)\b/g, '').trim();
    if (step === told || step === '' || LAYER.test(step)) return;
    told = step;
    log.info(message);
  };
}

function tell(job: BuildPushJob, { manifest, runs, outcome, pushed }: Made, store: EvidenceStore): void {
  const { summary, setOutput, log } = job;
  const images = manifest.images ?? {};
  setOutput('manifest', join(store.dir, 'manifest.json'));
  setOutput('manifest-digest', manifest.digest);
  setOutput(
    'images',
    JSON.stringify(Object.fromEntries(Object.entries(images).map(([name, ref]) => [name, imageName(ref)]))),
  );
  setOutput('reference', pushed?.artifact.reference ?? '');
  setOutput('subjects', pushed === undefined ? '' : writeSubjects(store, manifest));
  setOutput('evidence', store.dir);
  summary.heading(`Build of ${manifest.commit.slice(0, 12)}`);
  summary.verdict(outcome.verdict, outcome.verdict === 'pass' ? wordsOf(pushed) : outcome.message);
  summary.text('manifest ', { code: manifest.digest });
  if (pushed !== undefined) summary.text('at ', { code: pushed.artifact.reference });
  for (const { stage, result } of runs) {
    if (result.checks.length === 0) continue;
    summary.heading(stage, 4);
    checkTable(summary, result.checks);
    annotateFailures(log, stage, result.checks);
  }
}

const wordsOf = (pushed: PushOutcome | undefined): string =>
  pushed === undefined
    ? 'built; there is nothing to push for the process target'
    : `built, pushed and ${pushed.signed ? 'signed' : 'not signed'}`;

/** Images of our own only: nobody here can say where that of the database comes from. */
function writeSubjects(store: EvidenceStore, manifest: Manifest): string {
  const own = Object.entries(manifest.images ?? {}).filter(([service]) => service in manifest.services);
  const lines = own.map(([, { repository, digest }]) => `${digest.replace('sha256:', '')}  ${repository}\n`);
  return store.writeText('subjects.txt', lines.join(''));
}

/** Logs out: the login lay in a folder of its own. It is left only where the step was killed. */
export function cleanUp({ state, context, log }: PostJob<typeof INPUTS>): Promise<void> {
  const folder = state('folder');
  if (folder === '') return Promise.resolve();
  removePrivateFolder(folder, context);
  log.info('logged out of the registry');
  return Promise.resolve();
}
