import { HttpError, toMicros, type Micros, type PostedTick } from '@papergate/service-kit';
import type { Admission, TickDraft } from './admit.ts';

/**
 * A tick of a client as a draft. Anything that cannot be true refuses the whole request, with the place in
 * it: a client can mend its request, a tape cannot.
 *
 * @param now µs since 1970, taken where the client gives no time
 */
export function postedDraft(posted: PostedTick, at: number, admission: Admission, now: number): TickDraft {
  if (!admission.knows(posted.symbol)) {
    throw refusal(at, `symbol is "${posted.symbol}", which the configuration's "symbols" does not list`);
  }
  const t = timeOf(posted.timestamp, at, now);
  if (admission.isFuture(t)) throw refusal(at, `timestamp ${String(posted.timestamp)} lies in the future`);
  const p = micros(posted.price, 'price', at);
  if (p === 0) throw refusal(at, `price is ${posted.price}, allowed: 0.000001 and more`);
  const draft: TickDraft = { s: posted.symbol, k: 't', t, p, x: true };
  if (posted.volume !== undefined) draft.v = size(posted.volume, at);
  const b = side(posted.bid, 'bid', at);
  if (b !== undefined) draft.b = b;
  const a = side(posted.ask, 'ask', at);
  if (a !== undefined) draft.a = a;
  return draft;
}

function refusal(at: number, message: string): HttpError {
  return new HttpError(400, 'TICK_REFUSED', `tick ${at}: ${message}`, {
    fix: 'nothing of the request was taken; correct the tick and send it again',
  });
}

function micros(value: number | string, key: string, at: number): Micros {
  try {
    return toMicros(value);
  } catch {
    throw refusal(at, `${key} is ${String(value).slice(0, 40)}, allowed: a decimal number below nine billion`);
  }
}

/** A bid or ask of 0 is an empty side. */
function side(value: number | string | undefined, key: string, at: number): Micros | undefined {
  const price = value === undefined ? 0 : micros(value, key, at);
  return price === 0 ? undefined : price;
}

function size(value: number | string, at: number): number {
  const volume = Number(value);
  if (!(volume <= 1e12)) throw refusal(at, `volume is ${String(value).slice(0, 40)}, allowed: up to 10^12`);
  return volume;
}

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.(\d{1,9}))?(?:[Zz]|[+-]\d\d:\d\d)$/;

function timeOf(timestamp: number | string | undefined, at: number, now: number): number {
  if (timestamp === undefined) return now;
  if (typeof timestamp === 'number') {
    const t = Math.round(timestamp * 1000);
    if (Number.isSafeInteger(t)) return t;
  } else {
    const match = RFC3339.exec(timestamp);
    const ms = Date.parse(timestamp);
    if (match !== null && !Number.isNaN(ms)) return ms * 1000 + Number((match[1] ?? '').padEnd(6, '0').slice(3, 6));
  }
  throw refusal(
    at,
    `timestamp is ${JSON.stringify(timestamp)}, allowed: RFC 3339 with an offset ("2024-03-01T14:30:00Z") or ms since 1970`,
  );
}
