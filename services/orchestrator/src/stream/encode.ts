import { fromMicros, type Tick } from '@papergate/service-kit';

/** A tick as viewers get it. Built by hand: this is the one place where every tick is turned into text for people. */
export function encodeTick(tick: Tick): string {
  let text = `{"type":"tick","n":${tick.n},"symbol":${JSON.stringify(tick.s)},"kind":"${tick.k === 't' ? 'trade' : 'quote'}"`;
  if (tick.p !== undefined) text += `,"price":"${fromMicros(tick.p)}"`;
  if (tick.v !== undefined) text += `,"size":${tick.v}`;
  if (tick.b !== undefined) text += `,"bid":"${fromMicros(tick.b)}"`;
  if (tick.a !== undefined) text += `,"ask":"${fromMicros(tick.a)}"`;
  if (tick.bs !== undefined) text += `,"bid_size":${tick.bs}`;
  if (tick.as !== undefined) text += `,"ask_size":${tick.as}`;
  return `${text},"timestamp":"${timestamp(tick.t)}"}`;
}

/** RFC 3339 in UTC with microseconds. */
export function timestamp(micros: number): string {
  const ms = Math.floor(micros / 1000);
  const rest = String(micros - ms * 1000).padStart(3, '0');
  return `${new Date(ms).toISOString().slice(0, -1)}${rest}Z`;
}

/** One frame: the object alone, or a JSON array where several wait. */
export function frame(texts: readonly string[]): string {
  return texts.length === 1 ? texts[0]! : `[${texts.join(',')}]`;
}
