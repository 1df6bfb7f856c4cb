import { FINAL_STATES, isFinal, LIVE_STATES } from './states.ts';

interface Transition {
  from: readonly string[];
  to: readonly string[];
  /** What brings it about. */
  why: string;
}

const BROKER: readonly string[] = [...LIVE_STATES, ...FINAL_STATES];

/** Every transition of an order's life, by name. What is not here is illegal: it is refused and recorded. */
export const TRANSITIONS = {
  refuse: { from: ['received'], to: ['refused'], why: 'validation, risk or the database says no' },
  commit: { from: ['received'], to: ['durable'], why: 'its row is committed' },
  send: { from: ['durable'], to: ['sending'], why: 'an attempt is recorded, before the call' },
  withdraw: { from: ['sending'], to: ['durable'], why: 'certainly nothing of the attempt left, or a 429 refused it' },
  lose: { from: ['sending', 'durable'], to: ['unknown'], why: 'the answer is lost, or its sender is dead' },
  deny: { from: ['unknown'], to: ['durable'], why: 'the broker did not have it for all of its horizon' },
  reject: { from: ['sending'], to: ['ended'], why: 'the broker answered with a refusal' },
  end: { from: ['durable', 'unknown'], to: ['ended'], why: 'canceled before it was sent, or denied while halted' },
  adopt: { from: ['durable', 'sending', 'unknown'], to: BROKER, why: 'the broker shows it' },
  move: { from: LIVE_STATES, to: BROKER, why: 'the broker says so, later than what is known' },
  correct: {
    from: FINAL_STATES.filter((state) => state !== 'filled'),
    to: ['filled'],
    why: 'a fill crossed a cancel',
  },
  revive: { from: ['ended'], to: BROKER, why: 'it was ended here, and the broker shows it after all' },
  vanish: { from: LIVE_STATES, to: ['canceled'], why: 'the broker showed it once and does not know it any more' },
} as const satisfies Record<string, Transition>;

export type TransitionName = keyof typeof TRANSITIONS;

/** Transitions that are decided on this side, and the status that each stores. */
export const LOCAL = {
  withdraw: 'accepted',
  lose: 'unknown',
  deny: 'accepted',
  reject: 'rejected',
  end: 'canceled',
  vanish: 'canceled',
} as const satisfies Partial<Record<TransitionName, string>>;

export type LocalTransition = keyof typeof LOCAL;

/** The state that a local transition leads to. */
export const targetOf = (name: LocalTransition): string => TRANSITIONS[name].to[0];

export function isLegal(name: TransitionName, from: string, to: string): boolean {
  const { from: starts, to: ends }: Transition = TRANSITIONS[name];
  return starts.includes(known(from)) && ends.includes(known(to));
}

/** By which name a report of the broker would change the state; undefined where none leads there. */
export function brokerTransition(from: string, to: string): TransitionName | undefined {
  return (['adopt', 'move', 'correct', 'revive'] as const).find((name) => isLegal(name, from, to));
}

const STATES: ReadonlySet<string> = new Set([
  ...BROKER,
  'received',
  'refused',
  'durable',
  'sending',
  'unknown',
  'ended',
]);

/** A word of the broker's that is not known yet stands for a live state. */
const known = (state: string): string => (STATES.has(state) || isFinal(state) ? state : 'new');
