import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Book, noChanges, type Changes } from '../ledger/book.ts';
import type { Tracked } from '../ledger/tracked.ts';
import { brokerOrder, durable, event, START } from '../testing/make.ts';
import { FINAL_STATES, isFinal, LIVE_STATES, OWN_STATES, stateOf } from './states.ts';
import { isLegal, TRANSITIONS, type LocalTransition, type TransitionName } from './transitions.ts';

/** What the machine should do, written down a second time and by hand, with nothing of the first. */
interface Model {
  state: string;
  /** The broker's time of the state. */
  at: number;
  clock: number;
  illegal: number;
  attempts: number;
  revived: number;
}

interface Real {
  book: Book;
  tracked: Tracked;
  changes: Changes;
}

const LOCAL_RULES: Record<LocalTransition, { from: string[]; to: string }> = {
  withdraw: { from: ['sending'], to: 'durable' },
  lose: { from: ['sending', 'durable'], to: 'unknown' },
  deny: { from: ['unknown'], to: 'durable' },
  reject: { from: ['sending'], to: 'ended' },
  end: { from: ['durable', 'unknown'], to: 'ended' },
  vanish: { from: [...LIVE_STATES, 'a_word_of_next_year'], to: 'canceled' },
};

const OURS = ['durable', 'sending', 'unknown'];

function check(model: Model, { tracked, changes }: Real): void {
  expect(stateOf(tracked.order)).toBe(model.state);
  expect(tracked.order.attempts).toBe(model.attempts);
  expect(changes.alarms.filter(({ code }) => code === 'ILLEGAL_TRANSITION')).toHaveLength(model.illegal);
  expect(changes.events.filter(({ event: name }) => name === 'illegal')).toHaveLength(model.illegal);
  expect(changes.alarms.filter(({ code }) => code === 'REVIVED')).toHaveLength(model.revived);
}

class Send implements fc.Command<Model, Real> {
  check = (): boolean => true;
  run(model: Model, real: Real): void {
    const may = model.state === 'durable';
    expect(real.book.sent(real.tracked, START)).toBe(may);
    if (may) Object.assign(model, { state: 'sending', attempts: model.attempts + 1 });
    check(model, real);
  }
  toString = (): string => 'send';
}

class Local implements fc.Command<Model, Real> {
  readonly act: LocalTransition;
  constructor(act: LocalTransition) {
    this.act = act;
  }
  check = (): boolean => true;
  run(model: Model, real: Real): void {
    const { act } = this;
    model.clock += 1;
    real.book.apply(
      { kind: 'local', clientOrderId: 'order-1', act, code: null, reason: 'test', at: model.clock },
      real.changes,
    );
    const rule = LOCAL_RULES[act];
    const atBroker = !OURS.includes(model.state) && model.state !== 'ended';
    const said = isFinal(model.state) || model.state === 'ended' || (atBroker && act !== 'vanish');
    if (!said && rule.from.includes(model.state)) model.state = rule.to;
    else if (!said) model.illegal += 1;
    check(model, real);
  }
  toString = (): string => this.act;
}

class Report implements fc.Command<Model, Real> {
  readonly status: string;
  readonly late: boolean;
  readonly overStream: boolean;
  constructor(status: string, late: boolean, overStream: boolean) {
    this.status = status;
    this.late = late;
    this.overStream = overStream;
  }
  check = (): boolean => true;
  run(model: Model, real: Real): void {
    const { status, late, overStream } = this;
    model.clock += 1;
    // A message that was overtaken is older than what is known, and no two are of the same moment.
    const at = late ? 2 * START - model.clock : model.clock;
    const report = brokerOrder({ status, updatedAt: at });
    real.book.apply(
      overStream
        ? { kind: 'event', event: event(status, at, report) }
        : { kind: 'report', report, event: 'adopted', at: model.clock },
      real.changes,
    );
    this.#follow(model, at);
    check(model, real);
  }
  #follow(model: Model, at: number): void {
    const { status } = this;
    if (model.state === 'ended') Object.assign(model, { state: 'unknown', revived: model.revived + 1 });
    const known = model.state;
    if (isFinal(known)) {
      if (status === known) return;
      if (status === 'filled') Object.assign(model, { state: status, at });
      else if (at > model.at) model.illegal += 1;
    } else if (OURS.includes(known) || isFinal(status) || at > model.at) {
      Object.assign(model, { state: status, at });
    }
  }
  toString = (): string => `${this.status}${this.late ? ' late' : ''}`;
}

const STATUSES = [...LIVE_STATES, ...FINAL_STATES, 'a_word_of_next_year'];

describe('the life of an order', () => {
  test('follows the model through whatever comes, and refuses and records the rest', () => {
    const commands = [
      fc.constant(new Send()),
      ...(Object.keys(LOCAL_RULES) as LocalTransition[]).map((act) => fc.constant(new Local(act))),
      fc
        .record({ status: fc.constantFrom(...STATUSES), late: fc.boolean(), overStream: fc.boolean() })
        .map(({ status, late, overStream }) => new Report(status, late, overStream)),
    ];
    fc.assert(
      fc.property(fc.commands(commands, { maxCommands: 40, size: 'max' }), (list) => {
        const setup = (): { model: Model; real: Real } => {
          const book = new Book();
          const tracked = book.add(durable());
          return {
            model: { state: 'durable', at: START, clock: START, illegal: 0, attempts: 0, revived: 0 },
            real: { book, tracked, changes: noChanges() },
          };
        };
        fc.modelRun(setup, list);
      }),
      { numRuns: 1_500 },
    );
  });

  test('knows every state as the end of some transition, and leaves a final one only for a fill', () => {
    const states = new Set<string>([...OWN_STATES, ...LIVE_STATES, ...FINAL_STATES, 'ended']);
    const names = Object.keys(TRANSITIONS) as TransitionName[];
    for (const state of states) {
      if (state !== 'received')
        expect([state, names.some((name) => TRANSITIONS[name].to.some((to) => to === state))]).toEqual([state, true]);
    }
    for (const from of FINAL_STATES) {
      const ends = names.flatMap((name) => [...states].filter((to) => isLegal(name, from, to)));
      expect([from, [...new Set(ends)]]).toEqual([from, from === 'filled' ? [] : ['filled']]);
    }
  });

  test.each([
    ['a sent order is never ended by a guess', 'end', 'sending', 'ended'],
    ['a lost answer is never a refusal', 'reject', 'unknown', 'ended'],
    ['what is unknown is not sent again before the broker denied it', 'send', 'unknown', 'sending'],
    ['what is being sent is not sent beside it', 'send', 'sending', 'sending'],
    ['nothing is sent that is not durable', 'send', 'received', 'sending'],
  ] as [string, TransitionName, string, string][])('%s', (_title, name, from, to) => {
    expect(isLegal(name, from, to)).toBe(false);
  });
});
