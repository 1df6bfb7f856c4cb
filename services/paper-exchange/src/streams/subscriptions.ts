/** The channels of the stock stream that a client may ask for, as Alpaca spells them. */
export const CHANNELS = [
  'trades',
  'quotes',
  'bars',
  'updatedBars',
  'dailyBars',
  'statuses',
  'lulds',
  'imbalances',
  'corrections',
  'cancelErrors',
] as const;
export type Channel = (typeof CHANNELS)[number];

/** Channels of other feeds: 410 here. */
const FOREIGN_CHANNELS = ['orderbooks', 'news'];

export type Asked = { ok: true; channels: Partial<Record<Channel, string[]>> } | { ok: false; code: 400 | 410 };

/** What a subscribe or unsubscribe message asks for. Unknown keys are ignored, as Alpaca does. */
export function readAsked(message: Readonly<Record<string, unknown>>): Asked {
  if (FOREIGN_CHANNELS.some((channel) => message[channel] !== undefined)) return { ok: false, code: 410 };
  const channels: Partial<Record<Channel, string[]>> = {};
  for (const channel of CHANNELS) {
    const value = message[channel];
    if (value === undefined || value === null) continue;
    if (!Array.isArray(value) || value.some((symbol) => typeof symbol !== 'string' || symbol === '')) {
      return { ok: false, code: 400 };
    }
    channels[channel] = value as string[];
  }
  return { ok: true, channels };
}

/** One client's subscriptions. `*` is every symbol of a channel. */
export class Subscriptions {
  readonly #symbols = new Map<Channel, Set<string>>(CHANNELS.map((channel) => [channel, new Set()]));

  add(channels: Partial<Record<Channel, string[]>>): void {
    for (const channel of CHANNELS) for (const symbol of channels[channel] ?? []) this.#of(channel).add(symbol);
    // Corrections and cancels of trades come with the trades.
    for (const symbol of channels.trades ?? []) {
      this.#of('corrections').add(symbol);
      this.#of('cancelErrors').add(symbol);
    }
  }

  remove(channels: Partial<Record<Channel, string[]>>): void {
    for (const channel of CHANNELS) for (const symbol of channels[channel] ?? []) this.#of(channel).delete(symbol);
    for (const symbol of channels.trades ?? []) {
      this.#of('corrections').delete(symbol);
      this.#of('cancelErrors').delete(symbol);
    }
  }

  wants(channel: Channel, symbol: string): boolean {
    const symbols = this.#of(channel);
    return symbols.has(symbol) || symbols.has('*');
  }

  /** Names over all channels, for the symbol limit. */
  get size(): number {
    return new Set([...this.#symbols.values()].flatMap((symbols) => [...symbols])).size;
  }

  get wantsTicks(): boolean {
    return this.#of('trades').size + this.#of('quotes').size > 0;
  }

  toMessage(): Record<string, unknown> {
    const message: Record<string, unknown> = { T: 'subscription' };
    for (const [channel, symbols] of this.#symbols) message[channel] = [...symbols];
    return message;
  }

  #of(channel: Channel): Set<string> {
    return this.#symbols.get(channel) as Set<string>;
  }
}
