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
import { keepEvidence, type StageRun } from './record.ts';

/** What every action that delivers puts out. */
export const DELIVERY_OUTPUTS = defineOutputs({
  url: 'Where people find it: environment-url, else the dashboard; empty where the place is behind SSH and there is no environment-url.',
  urls: 'JSON object: service to address, as this machine reaches them; empty where the place is behind SSH.',
  sha: 'The commit that runs now; empty where none does.',
  'previous-sha': 'The commit that ran before; empty where none did.',
  manifest: 'Path of the manifest that runs now; empty where it could not be delivered.',
  'manifest-digest': 'sha256:… of the manifest that was wanted.',
  outcome: 'delivered, unchanged (it ran already), failed (nothing was touched), undone or undo-failed.',
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
}

/** Carries a delivery out: recorded at GitHub before and after, with evidence, outputs and a summary. */
export async function carryOut(job: DeliveryJob, options: CarryOut): Promise<Outcome> {
  const { log, summary, setOutput } = job;
  const { open, to, store, record, title } = options;
  setOutput('manifest-digest', to.digest);
  setOutput('evidence', store.dir);
  await record.begin(to);
  setOutput('deployment-id', record.id ?? '');
  const watch = new DeliveryWatch(log);
  const outcome = await log.group(title, () => options.deliver(watch));
  const delivered = isDelivered(outcome);
  const urls = delivered ? await urlsOf(open, to) : {};
  const { environment, kind } = open.place;
  const runs = [...options.before, ...watch.stages(outcome)];
  await keepEvidence(store, runs, { environment, target: kind, urls: definedOf(urls) });

  const url = delivered ? (options.url ?? urls['dashboard']) : undefined;
  setOutput('outcome', outcome.status);
  setOutput('sha', (delivered ? to : outcome.from)?.commit ?? '');
  setOutput('previous-sha', outcome.from?.commit ?? '');
  setOutput('manifest', delivered ? join(store.dir, 'manifest.json') : '');
  setOutput('urls', JSON.stringify(urls));
  setOutput('url', url ?? '');
  const ended = outcomeOfDelivery(outcome);
  summary.heading(title);
  if (ended.verdict === 'pass') summary.verdict('pass', `${outcome.status}${url === undefined ? '' : ` at ${url}`}`);
  else summary.verdict(ended.verdict, `${ended.reasonCode}: ${ended.message}`);
  if (options.note !== undefined) summary.text(options.note);
  await reportDelivery(job, outcome);
  summary.details('digests', (inner) =>
    inner.table(
      ['service', 'digest'],
      Object.entries(digestsOfManifest(to)).map(([name, digest]) => [name, { code: digest }]),
    ),
  );
  if (ended.verdict === 'pass') {
    await record.succeeded({ url, words: `${outcome.status}; evidence ${store.digest().slice(7, 19)}` });
  } else {
    await record.failed(
      outcome.status === 'undo-failed' ? 'error' : 'failure',
      `${outcome.status}: ${ended.reasonCode}`,
    );
  }
  return ended;
}

/** Addresses that still hold when we are gone: tunnels to a host do not. */
async function urlsOf({ options, target }: OpenPlace, manifest: Manifest): Promise<ServiceUrls> {
  return options.choice.host === undefined ? target.urls(manifest) : {};
}

const definedOf = (urls: ServiceUrls): Record<string, string> =>
  Object.fromEntries(Object.entries(urls).flatMap(([name, url]) => (url === undefined ? [] : [[name, url]])));
