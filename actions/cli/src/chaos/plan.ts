import { makeRandom, type Random } from './random.ts';

/** Steps of an order's life at which execution-engine can be made to die or to stand still; its own list is in failpoints.ts. */
export const STEPS = [
  'writer.fenced',
  'intake.received',
  'intake.checked',
  'intake.durable',
  'intake.acknowledged',
  'attempt.recording',
  'attempt.recorded',
  'send.calling',
  'send.answered',
  'stream.received',
  'ledger.applied',
  'ledger.committed',
  'look-up.denied',
  'reconcile.begun',
  'reconcile.compared',
  'cancel.asked',
] as const;
export type Step = (typeof STEPS)[number];

export const VICTIMS = ['execution-engine', 'paper-exchange', 'risk-manager', 'market-data', 'postgresql'] as const;
export type Victim = (typeof VICTIMS)[number];

export type Blow =
  /** SIGKILL at a moment. */
  | { kind: 'kill'; victim: Victim; afterMs: number; downMs: number }
  /** SIGKILL of the engine by itself, the `after`+1st time that it comes to a step. */
  | { kind: 'kill-at'; step: Step; after: number; downMs: number }
  /** SIGSTOP at a moment; a successor takes over, then SIGCONT. */
  | { kind: 'stop'; afterMs: number; heldMs: number }
  | { kind: 'stop-at'; step: Step; after: number; heldMs: number };

/** Kinds of blows, for those who look for what one kind of them brings about: see `--only`. */
export const TREATMENTS = ['kill-at', 'stop', 'kill'] as const;
export type Treatment = (typeof TREATMENTS)[number];

/** A fault of the exchange, as `POST /sim/faults` takes it. */
export interface Fault {
  kind: string;
  match?: { method?: string; path?: string; event?: string };
  status?: number;
  ms?: number;
  fraction?: number;
  probability?: number;
  times?: number | null;
}

export interface RunPlan {
  run: number;
  seed: number;
  clients: number;
  faults: Fault[];
  blows: Blow[];
  /** How long orders go on coming in after the last blow, ms. */
  tailMs: number;
}

const ORDERS = { method: 'POST', path: '/v2/orders' };
/** Lists, and look-ups by client_order_id: what is asked for where an answer was lost. */
const LOOK_UPS = { method: 'GET', path: '/v2/orders*' };
const CANCELS = { method: 'DELETE', path: '/v2/orders/*' };
const FAULTS: readonly Fault[] = [
  { kind: 'lost_answer', match: ORDERS },
  { kind: 'status', status: 503, match: ORDERS },
  { kind: 'status', status: 429, match: ORDERS },
  { kind: 'status', status: 503, match: LOOK_UPS },
  { kind: 'lost_answer', match: CANCELS },
  { kind: 'delay', ms: 150, match: ORDERS },
  { kind: 'delay', ms: 150, match: { event: 'fill' } },
  { kind: 'drop_event' },
  { kind: 'duplicate_event' },
  { kind: 'reorder_event' },
  { kind: 'partial_fill', fraction: 0.4 },
];

/** Where a writer that stands still is most dangerous: around the call, in the middle of a commit, before and after an acknowledgement. */
const STOPS: readonly Step[] = [
  'attempt.recording',
  'attempt.recorded',
  'send.calling',
  'send.answered',
  'ledger.applied',
  'intake.checked',
  'intake.durable',
  'ledger.committed',
  'cancel.asked',
];

/**
 * The main blows, in an order that follows from the seed; run n gets the nth, and so again from the beginning. Each step
 * of an order's life and each victim comes about once in as many runs as the list is long.
 */
function mainBlows(seed: number, only: Treatment | undefined): ((random: Random) => Blow)[] {
  const kill =
    (victim: Victim) =>
    (random: Random): Blow => ({
      kind: 'kill',
      victim,
      afterMs: random.whole(0, 500),
      downMs: random.pick([0, 0, 100]),
    });
  const killAt =
    (step: Step) =>
    (random: Random): Blow => ({
      kind: 'kill-at',
      step,
      after: timesBefore(step, random),
      downMs: random.pick([0, 0, 100]),
    });
  // The old one wakes up before, around and after its successor sends what it has left.
  const heldMs = (random: Random): number => random.pick([0, 300, 700, 1_000]);
  const stopAt =
    (step: Step) =>
    (random: Random): Blow => ({
      kind: 'stop-at',
      step,
      after: timesBefore(step, random),
      heldMs: heldMs(random),
    });
  const blows: Record<Treatment, ((random: Random) => Blow)[]> = {
    'kill-at': STEPS.map(killAt),
    stop: [
      ...STOPS.map(stopAt),
      (random: Random): Blow => ({ kind: 'stop', afterMs: random.whole(50, 400), heldMs: heldMs(random) }),
    ],
    kill: [...VICTIMS, ...(['execution-engine', 'execution-engine', 'postgresql', 'paper-exchange'] as const)].map(
      kill,
    ),
  };
  return makeRandom(seed).shuffled(only === undefined ? TREATMENTS.flatMap((name) => blows[name]) : blows[only]);
}

/** Steps that are made once a start are struck at once; of the others, any of the first. */
function timesBefore(step: Step, random: Random): number {
  const seldom = step === 'look-up.denied' || step === 'cancel.asked';
  return seldom || step === 'writer.fenced' || step.startsWith('reconcile.') ? 0 : random.whole(0, 25);
}

/** What happens in a run: it follows from the seed and the run's number, and from nothing else. `only`: the main blow is of this kind. */
export function planRun(seed: number, run: number, only?: Treatment): RunPlan {
  const random = makeRandom(Math.imul(seed + 1, 2_654_435_761) ^ Math.imul(run + 1, 40_503));
  const blows = mainBlows(seed, only);
  const main = blows[run % blows.length];
  if (main === undefined) throw new RangeError('there is no blow');
  const faults: Fault[] = random
    .shuffled(FAULTS)
    .slice(0, random.whole(0, 3))
    .map((fault) => ({ ...fault, times: null, probability: random.pick([0.05, 0.15, 0.3]) }));
  if (random.chance(0.2))
    faults.push({ kind: 'disconnect', times: random.whole(1, 2), probability: 0.05, match: { event: 'fill' } });
  const first = main(random);
  // An answer has to be lost for the broker to deny an order.
  if (first.kind === 'kill-at' && first.step === 'look-up.denied') {
    faults.unshift({ kind: 'status', status: 503, match: ORDERS, times: null, probability: 0.3 });
  }
  const second: Blow = {
    kind: 'kill',
    victim: random.pick(['execution-engine', 'execution-engine', 'execution-engine', 'paper-exchange', 'postgresql']),
    afterMs: random.whole(0, 300),
    downMs: 0,
  };
  return {
    run,
    seed,
    clients: random.whole(3, 5),
    faults,
    blows: random.chance(0.3) ? [first, second] : [first],
    tailMs: random.whole(50, 250),
  };
}

export function describeBlow(blow: Blow): string {
  switch (blow.kind) {
    case 'kill':
      return `kill -9 ${blow.victim} after ${blow.afterMs} ms`;
    case 'kill-at':
      return `kill -9 execution-engine at ${blow.step}, time ${blow.after + 1}`;
    case 'stop':
      return `SIGSTOP execution-engine after ${blow.afterMs} ms, successor, SIGCONT`;
    default:
      return `SIGSTOP execution-engine at ${blow.step}, time ${blow.after + 1}, successor, SIGCONT`;
  }
}

export function describePlan({ run, clients, faults, blows }: RunPlan): string {
  const named = faults.map(({ kind, status, match, probability }) =>
    [kind, status, match?.event ?? match?.method, probability].filter((part) => part !== undefined).join(' '),
  );
  return `run ${run}: ${clients} clients; ${blows.map(describeBlow).join('; ')}; faults: ${named.length === 0 ? 'none' : named.join(', ')}`;
}
