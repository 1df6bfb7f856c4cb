import { PapergateError } from '@papergate/config';
import { imageName, type Manifest } from '../release/manifest.ts';
import { codeOf, rootOf, StepFailed, wordsOf } from './errors.ts';
import { shortCommit } from './place.ts';
import type { Session } from './session.ts';
import { bounded } from './step.ts';
import { differences, digestOf } from './waves.ts';

const LOG_LINES = 200;

/** What is known of a failure, for a person and for programs. No secret in it. */
export interface Diagnosis {
  code: string;
  /** What went wrong, in one or two sentences. */
  message: string;
  step: string;
  service?: string;
  /** `repository@sha256:…`, or the digest of its files. */
  image?: string;
  /** What the service or the engine said when it was asked. */
  probe?: string;
  /** Last lines of its log, oldest first, at most 200. */
  logs: string[];
  /** What became of the bundle. */
  rolledBack: string;
  /** What to try next. */
  next: string;
  /** How long gathering it took, ms. */
  tookMs: number;
}

/** What has to be asked before anything is undone: afterwards the logs are those of the release before. */
export interface Findings {
  step: string;
  service: string | undefined;
  image: string | undefined;
  probe: string | undefined;
  logs: string[];
  tookMs: number;
}

/** Asks what there is to ask, all at once, and within its time: what does not answer is left out. */
export async function findOut(session: Session, error: unknown, manifest: Manifest): Promise<Findings> {
  const { clock, redactor } = session;
  const began = clock.monotonic();
  const failed = deepest(error);
  const service = failed?.service ?? (await culprit(session, failed, manifest));
  const [logs = [], probed] =
    service === undefined
      ? []
      : await Promise.all([
          inTime(session, () => session.target.logs(service, LOG_LINES)),
          failed?.probe === undefined
            ? inTime(session, async () => (await session.target.probe(manifest, service)).detail)
            : failed.probe,
          inTime(session, () => redactor.refresh()),
        ]);
  return {
    step: failed?.step ?? 'begin',
    service,
    image: service === undefined ? undefined : imageOf(manifest, service),
    probe: probed === undefined ? undefined : redactor.clean(probed),
    logs: logs.slice(-LOG_LINES).map((line) => redactor.clean(line)),
    tookMs: Math.round(clock.monotonic() - began),
  };
}

export function diagnosisOf(
  session: Session,
  error: unknown,
  findings: Findings,
  { rolledBack, next }: { rolledBack: string; next: string },
): Diagnosis {
  const { step, service, image, probe, logs, tookMs } = findings;
  const { redactor } = session;
  const root = rootOf(error);
  const fix = root instanceof PapergateError ? root.fix : undefined;
  return {
    code: codeOf(error),
    message: redactor.clean(wordsOf(error)),
    step,
    ...(service === undefined ? {} : { service }),
    ...(image === undefined ? {} : { image }),
    ...(probe === undefined ? {} : { probe }),
    logs,
    rolledBack: redactor.clean(rolledBack),
    next: redactor.clean(fix === undefined ? next : `${fix}; ${next}`),
    tookMs,
  };
}

/** The command to try, with what names the place. */
export const advise = ({ options: { flags } }: Session, command: string): string =>
  `npx papergate ${command}${flags === undefined || flags === '' ? '' : ` ${flags}`}`;

export function nextCommand(session: Session, { step, service }: Pick<Findings, 'step' | 'service'>): string {
  if (service !== undefined) return `try: ${advise(session, `logs ${service}`)}`;
  return `try: ${advise(session, step === 'verify' ? 'validate' : 'status')}`;
}

/** For a terminal. */
export function renderDiagnosis(diagnosis: Diagnosis): string {
  const { code, message, step, service, image, probe, logs, rolledBack, next } = diagnosis;
  const rows: [string, string | undefined][] = [
    ['step', step],
    ['service', service],
    ['image', image],
    ['it said', probe],
    ['state', rolledBack],
    ['next', next],
  ];
  const lines = [`${code}: ${message}`];
  for (const [name, value] of rows) if (value !== undefined) lines.push(`  ${name.padEnd(8)} ${value}`);
  if (logs.length > 0) {
    lines.push(`  last ${logs.length} log lines of ${service ?? 'it'}:`);
    lines.push(...logs.map((line) => `    ${line}`));
  }
  return lines.join('\n');
}

/** The step nearest to the cause. */
function deepest(error: unknown): StepFailed | undefined {
  if (!(error instanceof StepFailed)) return undefined;
  return deepest(error.cause) ?? error;
}

/** Where a failure names no service: one of which something is wrong. */
async function culprit(
  session: Session,
  failed: StepFailed | undefined,
  manifest: Manifest,
): Promise<string | undefined> {
  if (failed === undefined || !/^(smoke|commit)$/.test(failed.step)) return undefined;
  const observed = await inTime(session, () => session.target.observe());
  if (observed === undefined) return undefined;
  const { order } = session.target;
  const wrong = differences(observed, manifest, order, { steady: true }).find(({ service }) => order.includes(service));
  if (wrong !== undefined) return wrong.service;
  const words = wordsOf(failed);
  return order.find((service) => words.includes(service));
}

function imageOf(manifest: Manifest, service: string): string | undefined {
  const image = manifest.images?.[service];
  return image === undefined ? digestOf(manifest, service) : imageName(image);
}

async function inTime<T>(session: Session, act: () => Promise<T>): Promise<T | undefined> {
  const limitMs = session.patience.diagnosisMs;
  try {
    // Half of it each for what is asked one after the other.
    return await Promise.race([
      bounded(session, { step: 'diagnosis', limitMs: limitMs / 2 }, act),
      session.clock.sleep(limitMs / 2).then(() => undefined),
    ]);
  } catch {
    return undefined;
  }
}

/** `0123456789ab (sha256:…)`. */
export const nameOf = (manifest: Manifest | undefined): string =>
  manifest === undefined ? 'nothing' : `${shortCommit(manifest.commit)} (${manifest.digest.slice(0, 19)})`;
