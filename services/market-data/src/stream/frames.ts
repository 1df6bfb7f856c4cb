import { fromMicros, type Tick } from '@papergate/service-kit';
import { rfc3339 } from '../ticks/time.ts';

/** One tick as `WS /stream` shows it; written by hand since it is the text that every client shares. */
export function tickText(tick: Tick): string {
  let text = `{"type":"tick","n":${tick.n},"symbol":"${tick.s}","kind":"${tick.k === 't' ? 'trade' : 'quote'}"`;
  if (tick.p !== undefined) text += `,"price":"${fromMicros(tick.p)}"`;
  if (tick.v !== undefined) text += `,"size":${tick.v}`;
  if (tick.b !== undefined) text += `,"bid":"${fromMicros(tick.b)}"`;
  if (tick.a !== undefined) text += `,"ask":"${fromMicros(tick.a)}"`;
  if (tick.bs !== undefined) text += `,"bid_size":${tick.bs}`;
  if (tick.as !== undefined) text += `,"ask_size":${tick.as}`;
  return `${text},"timestamp":"${rfc3339(tick.t)}"}`;
}

/** One tick as an object, several as an array. */
export function frameText(texts: readonly string[]): string {
  return texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(',')}]`;
}
