import type { BusServer } from '@papergate/config';
import type { Envelope } from '../messages/messages.ts';

/**
 * What is wrong with a message: a number of frames that there is not, no JSON, an envelope of another form, a publisher
 * that is not the one of this topic, data of another form.
 */
export type MessageFault = 'frames' | 'json' | 'envelope' | 'source' | 'data';

/** A message that was refused. Nothing of its content is told: it may be anything. */
export class BusMessageError extends Error {
  readonly code = 'BUS_MESSAGE_INVALID';
  readonly fault: MessageFault;

  constructor(fault: MessageFault) {
    super(`a message of the bus was refused: ${fault}`);
    this.name = 'BusMessageError';
    this.fault = fault;
  }
}

/** Whose topics these are; `heartbeat` is everybody's. */
const PUBLISHERS: Readonly<Record<string, BusServer>> = {
  tick: 'market-data',
  signal: 'signal-bridge',
  order: 'execution-engine',
  fill: 'execution-engine',
};

/** Longer names and epochs than any of ours. */
const LONGEST_NAME = 100;

/**
 * A message, once it is sure that it has the form of docs/architecture.md; JSON alone would let anything through that an
 * admitted peer sends, or a defect of it.
 *
 * @param server whose socket it came from; undefined: anybody's, whose topics are not looked at any further
 * @throws BusMessageError
 */
export function readMessage(
  topic: string,
  payload: Buffer | undefined,
  server: BusServer | undefined,
): Envelope<unknown> {
  if (payload === undefined) throw new BusMessageError('frames');
  let found: unknown;
  try {
    found = JSON.parse(String(payload));
  } catch {
    throw new BusMessageError('json');
  }
  if (!isEnvelope(found)) throw new BusMessageError('envelope');
  if (server !== undefined) {
    if (found.src !== server) throw new BusMessageError('source');
    const publisher = PUBLISHERS[topic];
    if (publisher !== undefined && publisher !== server) throw new BusMessageError('source');
    if (CHECKS[topic]?.(found.data) === false) throw new BusMessageError('data');
  }
  return found;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isName = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= LONGEST_NAME;
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): boolean => value === undefined || (typeof value === 'number' && value >= 0);

function isEnvelope(value: unknown): value is Envelope<unknown> {
  if (!isObject(value)) return false;
  const { src, epoch, seq, ts } = value;
  return isName(src) && isName(epoch) && isCount(seq) && seq > 0 && isCount(ts) && 'data' in value;
}

function isTick(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { n, s, k, t, r, p, v, b, a, bs, as: askSize } = value;
  return (
    isCount(n) &&
    isName(s) &&
    (k === 't' || k === 'q') &&
    isCount(t) &&
    isCount(r) &&
    isNumber(p) &&
    isNumber(v) &&
    isNumber(b) &&
    isNumber(a) &&
    isNumber(bs) &&
    isNumber(askSize)
  );
}

const DECIMAL = /^-?[0-9]{1,20}(\.[0-9]{1,20})?$/;
const isDecimal = (value: unknown): boolean => isText(value) && DECIMAL.test(value);
const isDecimalOrNull = (value: unknown): boolean => value === null || isDecimal(value);
const isSide = (value: unknown): boolean => value === 'buy' || value === 'sell';

const isOrder = (data: unknown): boolean =>
  isObject(data) &&
  isName(data['order_id']) &&
  isText(data['client_order_id']) &&
  isName(data['symbol']) &&
  isSide(data['side']) &&
  isDecimal(data['quantity']) &&
  isDecimalOrNull(data['price']) &&
  isDecimalOrNull(data['stop_price']) &&
  isName(data['status']) &&
  isDecimal(data['filled_quantity']);

/** The form of what each topic carries; keys beyond these are the future's. */
const CHECKS: Readonly<Record<string, (data: unknown) => boolean>> = {
  tick: (data) => Array.isArray(data) && data.every(isTick),
  heartbeat: (data) => isObject(data) && isCount(data['n']) && (data['fills'] === undefined || isCount(data['fills'])),
  signal: (data) =>
    isObject(data) &&
    isName(data['id']) &&
    isName(data['strategy']) &&
    isName(data['symbol']) &&
    isSide(data['side']) &&
    isDecimal(data['quantity']),
  order: (data) => (Array.isArray(data) ? data.length > 0 && data.every(isOrder) : isOrder(data)),
  fill: (data) =>
    isObject(data) &&
    isName(data['fill_id']) &&
    isText(data['client_order_id']) &&
    isName(data['symbol']) &&
    isSide(data['side']) &&
    isDecimal(data['quantity']) &&
    isDecimal(data['price']) &&
    isDecimal(data['realized_pnl']) &&
    isObject(data['position']) &&
    isName(data['position']['symbol']) &&
    isDecimal(data['position']['quantity']) &&
    isDecimal(data['position']['avg_entry_price']),
};
