/**
 * The states of an order's life. Ours before the broker knows the order:
 * - `received`: in the intake, in memory only; nobody was told anything.
 * - `refused`: validation, risk or the database said no; nothing is stored.
 * - `durable`: committed with the intent to send it, and acknowledged. Stored and shown as `accepted`.
 * - `sending`: an attempt is recorded, in the database, under the writer's fence; the request may be on the wire.
 * - `unknown`: an attempt was made and its answer is not known.
 *
 * Then the broker's own (source: Alpaca, "Order lifecycle"), live ones and final ones. A word that Alpaca adds one day
 * counts as a live one: the order stays open and is compared with the broker.
 */
export const OWN_STATES = ['received', 'refused', 'durable', 'sending', 'unknown'] as const;

export const LIVE_STATES = [
  'pending_new',
  'accepted',
  'accepted_for_bidding',
  'held',
  'new',
  'suspended',
  'stopped',
  'calculated',
  'done_for_day',
  'partially_filled',
  'pending_cancel',
  'pending_replace',
] as const;

/** No further execution can come, in the broker's eyes. The same list stands in the index `orders_open`. */
export const FINAL_STATES = ['filled', 'canceled', 'expired', 'rejected', 'replaced'] as const;

const FINAL: ReadonlySet<string> = new Set(FINAL_STATES);
const UNSETTLED: ReadonlySet<string> = new Set(['sending', 'unknown']);

export function isFinal(status: string): boolean {
  return FINAL.has(status);
}

/** What tells an order's state: its stored status, and whether the broker has given it an id. */
export interface Stood {
  status: string;
  brokerOrderId: string | null;
}

/**
 * The state that a stored order is in. `accepted` is a word of both sides: without the broker's id it is ours.
 * A final state without the broker's id was decided here, and is shown as `ended`: the broker's word outweighs it.
 */
export function stateOf({ status, brokerOrderId }: Stood): string {
  if (brokerOrderId !== null) return status;
  if (status === 'accepted') return 'durable';
  return isFinal(status) ? 'ended' : status;
}

/** An attempt was made and only the broker can say what became of it. */
export function isUnsettled(order: Stood): boolean {
  return UNSETTLED.has(stateOf(order));
}
