import { setTimeout as delay } from 'node:timers/promises';
import type { Big } from '@papergate/service-kit';
import type { Broker, BrokerPosition } from '../broker/broker.ts';
import type { Position } from '../ledger/position.ts';

export interface PositionDifference {
  symbol: string;
  here: Big;
  broker: Big;
  /** `broker − here`. */
  difference: Big;
  averageEntryPrice: Big;
}

/** `broker − here` of the account's cash, USD; undefined where it agrees or cannot be compared now. */
export type CashDifference = Big | undefined;

export interface CompareOptions {
  broker: Pick<Broker, 'positions' | 'account'>;
  ours: () => ReadonlyMap<string, Position>;
  /** Undefined: nothing is booked yet, so any balance is a difference. */
  cash: () => Big | undefined;
  zero: Big;
  /** Symbols with orders whose fills may not have been booked yet: their positions differ for a reason, and so does the cash. */
  inDoubt: () => ReadonlySet<string>;
  /** ms between two looks. */
  pauseMs: number;
  signal?: AbortSignal;
}

export interface Compared {
  positions: PositionDifference[];
  cash: CashDifference;
  /** Symbols that could not be compared. */
  inDoubt: ReadonlySet<string>;
}

/** Looks that must agree before a difference counts: fills on their way make two books differ for a moment. */
const LOOKS = 3;
/** The broker shows cents; a price that followed from an average is exact to six decimals. */
const CASH_TOLERANCE = '0.01';

/**
 * Where the broker's positions and cash differ from ours by the same amount in every one of several looks. What is
 * merely under way differs by another amount, or not at all, the next time.
 */
export async function compareAccount(options: CompareOptions): Promise<Compared> {
  let standing: PositionDifference[] | undefined;
  let cash: CashDifference;
  let inDoubt: ReadonlySet<string> = new Set();
  for (let look = 0; look < LOOKS; look += 1) {
    const money = await cashDifference(options);
    const found = differences(await options.broker.positions(), options.ours(), options.zero);
    inDoubt = options.inDoubt();
    for (const symbol of inDoubt) found.delete(symbol);
    cash = inDoubt.size === 0 && (look === 0 || (money !== undefined && cash?.eq(money) === true)) ? money : undefined;
    standing = standing?.flatMap((before) => {
      const now = found.get(before.symbol);
      return now !== undefined && now.difference.eq(before.difference) ? [now] : [];
    }) ?? [...found.values()];
    if (standing.length === 0 && cash === undefined) return { positions: [], cash, inDoubt };
    if (look < LOOKS - 1)
      await delay(options.pauseMs, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
  return { positions: standing ?? [], cash, inDoubt };
}

async function cashDifference({ broker, cash, zero }: CompareOptions): Promise<CashDifference> {
  const there = zero.plus((await broker.account()).cash);
  const here = cash();
  const difference = there.minus(here ?? zero);
  return here !== undefined && difference.abs().lt(CASH_TOLERANCE) ? undefined : difference;
}

function differences(
  broker: readonly BrokerPosition[],
  ours: ReadonlyMap<string, Position>,
  zero: Big,
): Map<string, PositionDifference> {
  const theirs = new Map(broker.map((position) => [position.symbol, position]));
  const found = new Map<string, PositionDifference>();
  for (const symbol of new Set([...theirs.keys(), ...ours.keys()])) {
    const there = theirs.get(symbol)?.quantity ?? zero;
    const here = ours.get(symbol)?.quantity ?? zero;
    if (there.eq(here)) continue;
    found.set(symbol, {
      symbol,
      here,
      broker: there,
      difference: there.minus(here),
      averageEntryPrice: theirs.get(symbol)?.averageEntryPrice ?? zero,
    });
  }
  return found;
}
