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

export interface ComparePositionsOptions {
  broker: Pick<Broker, 'positions'>;
  ours: () => ReadonlyMap<string, Position>;
  zero: Big;
  /** Symbols with orders whose fills may not have been booked yet: their positions differ for a reason. */
  inDoubt: () => ReadonlySet<string>;
  /** ms between two looks. */
  pauseMs: number;
  signal?: AbortSignal;
}

/** Looks that must agree before a difference counts: fills on their way make two books differ for a moment. */
const LOOKS = 3;

/**
 * Where the broker's positions differ from ours by the same amount in every one of several looks. What is
 * merely under way differs by another amount, or not at all, the next time.
 */
export async function comparePositions(options: ComparePositionsOptions): Promise<PositionDifference[]> {
  let standing: PositionDifference[] | undefined;
  for (let look = 0; look < LOOKS; look += 1) {
    const found = differences(await options.broker.positions(), options.ours(), options.zero);
    for (const symbol of options.inDoubt()) found.delete(symbol);
    standing = standing?.flatMap((before) => {
      const now = found.get(before.symbol);
      return now !== undefined && now.difference.eq(before.difference) ? [now] : [];
    }) ?? [...found.values()];
    if (standing.length === 0) return [];
    if (look < LOOKS - 1)
      await delay(options.pauseMs, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
  return standing ?? [];
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
