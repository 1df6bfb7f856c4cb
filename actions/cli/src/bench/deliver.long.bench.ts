// Delivery to a Docker Engine beside plain `docker compose pull && docker compose up -d --wait` of the same bundle.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONTAINERS_VARIABLE, ensureContainers, type DeliverOutcome, type Manifest } from '@papergate/delivery';
import { plainCompose } from './deliver/plain.ts';
import type { Figure } from './figures.ts';
import { bases } from '../containers/testing/bases.ts';
import { makeKit, newest, type Kit } from '../containers/testing/kit.ts';
import { OrderClient } from '../containers/testing/order-client.ts';
import { mustEnd } from '../containers/testing/papergate.ts';

/** Each figure is the median of so many, taken in turn with what it is held against. */
const ROUNDS = Number(process.env['PAPERGATE_BENCH_ROUNDS'] ?? 5);
/** Not counted, since plain Compose has nothing like them. */
const OURS_ALONE = ['checkpoint', 'smoke'];

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const seconds = (ms: number): number => Math.round(ms / 10) / 100;
const progress = (text: string): void => void process.stderr.write(`  ${text}\n`);
const figure = (made: Figure): void => console.log(JSON.stringify(made));

async function measure(): Promise<void> {
  progress('building, pushing and delivering this commit');
  const kit = await makeKit({ name: 'bench' });
  const plain = await (async () => {
    try {
      return await plainCompose(kit);
    } catch (error) {
      await kit.remove();
      throw error;
    }
  })();
  try {
    const next = await kit.release({ images: { dashboard: { files: { '/app/note.txt': 'another release\n' } } } });
    const [ours, beside, theirs] = await deploys(kit, next, plain.deploy);
    plain.remove();
    const away = await awayAlone(kit, next);
    figure({
      name: 'deploy, nothing to build',
      value: seconds(median(ours)),
      unit: 's',
      ceiling: seconds(1.3 * median(theirs)),
      ceiling_name: `1.3 × docker compose pull && up -d --wait of the same bundle (${seconds(median(theirs))} s)`,
      note: `checkpoint and smoke not counted; medians of ${ROUNDS}, in turn`,
    });
    figure({
      name: 'order intake away in a deploy',
      value: seconds(median(away)),
      unit: 's',
      ceiling: 5,
      ceiling_name: 'as promised',
      note: `seen by a client at 20 orders a second; the longest ${seconds(Math.max(...away))} s; with plain Compose’s bundle running beside it ${seconds(median(beside))} s`,
    });
    figure({
      name: 'rollback to the release before',
      value: seconds(median(await rollbacks(kit, next))),
      unit: 's',
      ceiling: 20,
      ceiling_name: 'as promised',
      note: 'the whole command, its smoke test included',
    });
    figure({
      name: 'rebuild after a change in one service',
      value: seconds(await rebuild(kit)),
      unit: 's',
      ceiling: 15,
      ceiling_name: 'as promised',
      note: 'the stage build of papergate ship, warm: images, their budget and the search of every layer',
    });
  } finally {
    plain.remove();
    await kit.remove();
  }
}

/** Deploys to and fro, each followed by one of plain Compose. */
async function deploys(
  kit: Kit,
  next: Manifest,
  plain: (manifest: Manifest) => Promise<number>,
): Promise<[number[], number[], number[]]> {
  const ours: number[] = [];
  const away: number[] = [];
  const theirs: number[] = [];
  // Once for each that does not count: what is fetched for the first time stays.
  for (const manifest of [next, kit.good]) {
    await deploy(kit, manifest);
    await plain(manifest);
  }
  for (let round = 0; round < ROUNDS; round++) {
    const manifest = round % 2 === 0 ? next : kit.good;
    const { outcome, awayMs } = await deployUnderOrders(kit, manifest);
    away.push(awayMs);
    const counted = outcome.timings.filter(({ step }) => !OURS_ALONE.includes(step));
    const total = wall(outcome) - wallOf(outcome, OURS_ALONE);
    ours.push(total);
    theirs.push(await plain(manifest));
    progress(
      `round ${round + 1}: ours ${seconds(ours.at(-1) ?? 0)} s in ${counted.length} steps, plain ${seconds(theirs.at(-1) ?? 0)} s, intake away ${seconds(away.at(-1) ?? 0)} s`,
    );
  }
  return [ours, away, theirs];
}

/** A host has one bundle: a second one, even at rest, takes a fifth of two cores from the one that starts. */
async function awayAlone(kit: Kit, next: Manifest): Promise<number[]> {
  const away: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { awayMs } = await deployUnderOrders(kit, newest(kit.place).digest === next.digest ? kit.good : next);
    away.push(awayMs);
    progress(`alone ${round + 1}: intake away ${seconds(awayMs)} s`);
  }
  return away;
}

async function deployUnderOrders(kit: Kit, manifest: Manifest): Promise<{ outcome: Timed; awayMs: number }> {
  const orders = new OrderClient({ url: kit.url('orchestrator'), token: kit.token() }).start();
  const outcome = await deploy(kit, manifest);
  // Until they are taken again.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await orders.stop();
  return { outcome, awayMs: orders.longestAwayMs() };
}

type Timed = DeliverOutcome & { wallMs: number };
const wall = (outcome: Timed): number => outcome.wallMs;
const wallOf = ({ timings }: DeliverOutcome, steps: readonly string[]): number =>
  timings.filter(({ step }) => steps.includes(step)).reduce((sum, { ms }) => sum + ms, 0);

async function deploy(kit: Kit, next: Manifest): Promise<Timed> {
  const began = performance.now();
  // Without a smoke test: it halts trading for its own checks, and the client could not tell that from being away.
  const outcome = await kit.deploy(next, { smoke: false });
  const wallMs = performance.now() - began;
  if (outcome.status !== 'delivered') throw new Error(`${outcome.status}: ${JSON.stringify(outcome.diagnosis)}`);
  return { ...outcome, wallMs };
}

async function rollbacks(kit: Kit, next: Manifest): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const to = newest(kit.place).digest === next.digest ? kit.good : next;
    const began = performance.now();
    await mustEnd(kit.papergate('rollback', to.commit, ...kit.flags, '--yes'));
    times.push(performance.now() - began);
    progress(`rollback ${round + 1}: ${seconds(times.at(-1) ?? 0)} s`);
  }
  return times;
}

async function rebuild(kit: Kit): Promise<number> {
  const { node, postgres } = await bases();
  const path = 'services/signal-bridge/src/main.ts';
  const times: number[] = [];
  for (let round = 0; round < Math.min(ROUNDS, 3); round++) {
    const files = { [path]: `process.title = 'round ${round}';\n${kit.clone.read(path)}` };
    kit.clone.git('checkout', '-q', kit.clone.commit(`change ${round}`, files));
    const bundle = ['--registry', kit.registry, '--node-image', node, '--postgres-image', postgres, '--load', 'none'];
    await mustEnd(kit.papergate('ship', ...kit.flags, ...bundle));
    times.push(stageMs(kit, 'build'));
    progress(`rebuild ${round + 1}: ${seconds(times.at(-1) ?? 0)} s`);
  }
  return median(times);
}

function stageMs({ home }: Kit, name: string): number {
  const runs = join(home, 'runs');
  const last = readdirSync(runs).toSorted().at(-1) ?? '';
  const { stages } = JSON.parse(readFileSync(join(runs, last, 'run.json'), 'utf8')) as {
    stages: { stage: string; duration_ms: number }[];
  };
  return stages.find(({ stage }) => stage === name)?.duration_ms ?? Number.NaN;
}

// Last: it needs all of the above.
const containers = await ensureContainers({ env: process.env, onProgress: ({ message }) => progress(message) });
try {
  const { env, registry } = containers;
  process.env[CONTAINERS_VARIABLE] = JSON.stringify({ env, registry });
  await measure();
} finally {
  await containers.stop();
}
