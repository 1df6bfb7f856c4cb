import { join } from 'node:path';
import { defineOutputs } from '../action/inputs/kinds.ts';
import type { Outcome } from '../action/outcome.ts';
import type { ActionLog } from '../action/output/log.ts';
import type { Summary } from '../action/output/summary.ts';
import type { DeliverOutcome } from '../deliver/index.ts';
import type { ServiceUrls } from '../evidence/index.ts';
import type { EvidenceStore } from '../evidence/store.ts';
import type { Manifest } from '../release/manifest.ts';
import type { OpenPlace } from '../ship/place/index.ts';
import { DeliveryWatch, isDelivered, outcomeOfDelivery, reportDelivery } from './delivery.ts';
import { digestsOfManifest, type DeploymentRecord } from './deployment.ts';
import { keptDelivery } from './kept-delivery.ts';
import { keepEvidence, type RunFacts, type StageRun } from './record.ts';
import { reportRollOut, type RolledOut } from './roll-out.ts';
import { keptTimed } from './stage.ts';

/** What every action that delivers puts out. */
export const DELIVERY_OUTPUTS = defineOutputs({
  url: 'Where people find it: environment-url, else the dashboard; empty where the place is behind SSH and there is no environment-url.',
  urls: 'JSON object: service to address, as this machine reaches them; empty where the place is behind SSH.',
  sha: 'The commit that runs now; empty where none does.',
  'previous-sha': 'The commit that ran before; empty where none did.',
  manifest: 'Path of the manifest that runs now; empty where it could not be delivered.',
  'manifest-digest': 'sha256:… of the manifest that was wanted.',
  outcome:
    'delivered, unchanged (it ran already), failed (nothing was touched), undone, undo-failed, or in production closed (it runs, and no order of it goes out).',
  'deployment-id': 'Number of the deployment at GitHub; empty where none was recorded.',
  evidence: 'Folder of evidence of this release.',
  verdict: 'pass, block (a check said no) or failed.',
  'reason-code': 'Why not, for programs; empty on pass.',
});
type DeliveryOutput = Exclude<keyof typeof DELIVERY_OUTPUTS, 'verdict' | 'reason-code'>;

export interface DeliveryJob {
  log: ActionLog;
  summary: Summary;
  setOutput(name: DeliveryOutput, value: string | number): void;
}

export interface CarryOut {
  open: OpenPlace;
  /** What is delivered. */
  to: Manifest;
  store: EvidenceStore;
  record: DeploymentRecord;
  /** `Deploy of 0123… to staging`. */
  title: string;
  /** Where people find it, where the caller says. */
  url: string | undefined;
  /** Said below the verdict. */
  note?: string;
  /** Stages that were carried out before. */
  before: readonly StageRun[];
  /** The call of the engine. */
  deliver(watch: DeliveryWatch): Promise<DeliverOutcome>;
  /** Production: lets what was delivered at the market. */
  rollOut?(outcome: DeliverOutcome): Promise<RolledOut>;
  /** Of the record: what was found wanting, and what runs again in its place. */
  onGoneBack?(to: Manifest, why: string): Promise<void>;
}

/** Carries a delivery out: recorded at GitHub before and after, with evidence, outputs and a summary. */
export async function carryOut(job: DeliveryJob, options: CarryOut): Promise<Outcome> {
  const { log, summary, setOutput } = job;
  const { open, to, store, record, title } = options;
  setOutput('manifest-digest', to.digest);
  setOutput('evidence', store.dir);
  const watch = new DeliveryWatch(log);
  const { environment, kind } = open.place;
  const place = { environment, target: kind };
  const { before } = options;
  const outcome = await keptDelivery(
    { store, facts: place, times: watch.times, before, warn: (message) => log.warning(message) },
    async () => {
      await record.begin(to);
      setOutput('deployment-id', record.id ?? '');
      return log.group(title, () => options.deliver(watch));
    },
  );
  const isThere = isDelivered(outcome);
  const urls = isThere ? await urlsOf(open, to) : {};
  const facts = { ...place, urls: definedOf(urls) };
  await keepEvidence(store, [], facts);
  const rolled = isThere ? await rolledOut(options, outcome, facts) : undefined;

  const delivered = isThere && (rolled === undefined || rolled.ended.verdict === 'pass');
  const url = delivered ? (options.url ?? urls['dashboard']) : undefined;
  const status = delivered ? outcome.status : statusOf(outcome, rolled, to);
  const runs = isThere ? (rolled === undefined ? to : rolled.runs) : outcome.from;
  setOutput('outcome', status);
  setOutput('sha', runs?.commit ?? '');
  setOutput('previous-sha', outcome.from?.commit ?? '');
  setOutput('manifest', delivered ? join(store.dir, 'manifest.json') : '');
  setOutput('urls', JSON.stringify(urls));
  setOutput('url', url ?? '');
  const ended = rolled?.ended ?? outcomeOfDelivery(outcome);
  summary.heading(title);
  if (ended.verdict === 'pass') summary.verdict('pass', `${status}${url === undefined ? '' : ` at ${url}`}`);
  else summary.verdict(ended.verdict, `${ended.reasonCode}: ${ended.message}`);
  if (options.note !== undefined) summary.text(options.note);
  await reportDelivery(job, outcome);
  if (rolled !== undefined) reportRollOut(summary, rolled);
  summary.details('digests', (inner) =>
    inner.table(
      ['service', 'digest'],
      Object.entries(digestsOfManifest(to)).map(([name, digest]) => [name, { code: digest }]),
    ),
  );
  const proven = store.digest();
  await record.evidence(proven);
  if (ended.verdict === 'pass') {
    const words = rolled === undefined ? status : `${status}, ${rolled.words}`;
    await record.succeeded({ url, words: `${words}; evidence ${proven.slice(7, 19)}` });
  } else {
    await record.failed(status === 'undo-failed' ? 'error' : 'failure', `${status}: ${ended.reasonCode}`);
    if (rolled?.back !== undefined) await options.onGoneBack?.(rolled.back, `${ended.reasonCode} in the roll-out`);
  }
  return ended;
}

/** A roll-out leaves evidence however it ends, as the delivery before it does. */
async function rolledOut(
  { rollOut, store }: CarryOut,
  outcome: DeliverOutcome,
  facts: RunFacts,
): Promise<RolledOut | undefined> {
  if (rollOut === undefined) return undefined;
  let rolled: RolledOut | undefined;
  const run = await keptTimed({ stage: 'promote', store: () => store, facts }, async () => {
    rolled = await rollOut(outcome);
    return rolled.run.result;
  });
  await keepEvidence(store, [rolled?.run ?? run], facts);
  return rolled;
}

/** What became of a delivery that did not get through, or of one whose roll-out did not. */
function statusOf(
  outcome: DeliverOutcome,
  rolled: RolledOut | undefined,
  to: Manifest,
): DeliverOutcome['status'] | 'closed' {
  if (rolled === undefined) return outcome.status;
  if (rolled.back !== undefined) return 'undone';
  return rolled.runs?.digest === to.digest ? 'closed' : 'undo-failed';
}

/** Addresses that still hold when we are gone: tunnels to a host do not. */
async function urlsOf({ options, target }: OpenPlace, manifest: Manifest): Promise<ServiceUrls> {
  return options.choice.host === undefined ? target.urls(manifest) : {};
}

const definedOf = (urls: ServiceUrls): Record<string, string> =>
  Object.fromEntries(Object.entries(urls).flatMap(([name, url]) => (url === undefined ? [] : [[name, url]])));
