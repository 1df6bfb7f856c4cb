import { setTimeout as delay } from 'node:timers/promises';
import type { Told } from './judge.ts';
import { makeRandom, type Random } from './random.ts';

export interface ClientsOptions {
  /** Of the engine that clients talk to now. */
  url: () => string;
  symbols: readonly string[];
  clients: number;
  /** What every client_order_id of the run begins with. */
  prefix: string;
  seed: number;
}

export interface Clients {
  readonly told: Map<string, Told>;
  readonly acknowledged: number;
  /** No new orders; resolves when every answer is there. */
  stop(): Promise<void>;
}

interface Answer {
  status: number;
  body: { order_id?: string; code?: string };
}

/** Pause after an answer, and after none, ms. */
const PACE_MS = 8;
const AGAIN_MS = 40;
/** One order in so many rests far from the market and is canceled by its client. */
const RESTING = 3;

/**
 * Clients that place orders one after the other, each as fast as it is answered: the way of a careful one, that sends an
 * order again under its id until it has an answer, and now and then the way of one that gives up.
 */
export function startClients(options: ClientsOptions): Clients {
  const told = new Map<string, Told>();
  const run = { stopped: false };
  const all = Array.from({ length: options.clients }, (_, client) => trade(client, options, told, run));
  return {
    told,
    get acknowledged() {
      return [...told.values()].filter(({ outcome }) => outcome === 'acknowledged').length;
    },
    async stop() {
      run.stopped = true;
      await Promise.all(all);
    },
  };
}

async function trade(
  client: number,
  options: ClientsOptions,
  told: Map<string, Told>,
  run: { stopped: boolean },
): Promise<void> {
  const random = makeRandom(options.seed * 31 + client);
  // Each has a symbol of its own: orders on both sides of one would be wash trades.
  const rests = client === 0;
  const symbol = options.symbols[client % options.symbols.length];
  for (let number = 0; !run.stopped; number += 1) {
    const id = `${options.prefix}-${client}-${number}`;
    const resting = rests && random.chance(1 / RESTING);
    const order = {
      symbol,
      side: resting || number % 2 === 0 ? 'buy' : 'sell',
      quantity: resting ? 1 : random.whole(1, 3),
      client_order_id: id,
      ...(resting ? { type: 'limit', price: '10.00' } : { type: 'market' }),
    };
    const outcome = await place(order, options, random, run);
    told.set(id, outcome);
    if (resting && outcome.orderId !== undefined) await cancel(outcome.orderId, options, run);
    await delay(PACE_MS);
  }
}

async function place(
  order: Record<string, unknown>,
  options: ClientsOptions,
  random: Random,
  run: { stopped: boolean },
): Promise<Told> {
  for (;;) {
    const answer = await ask('POST', `${options.url()}/orders`, order);
    if (answer?.status === 200) return { outcome: 'acknowledged', orderId: answer.body.order_id ?? '' };
    if (answer !== undefined && answer.status < 500 && answer.status !== 429) return { outcome: 'refused' };
    if (run.stopped || random.chance(0.05)) return { outcome: 'unanswered' };
    await delay(AGAIN_MS);
  }
}

/** Until it is canceled, or has ended otherwise. Orders that are left over are canceled after the run. */
async function cancel(orderId: string, options: ClientsOptions, run: { stopped: boolean }): Promise<void> {
  while (!run.stopped) {
    const answer = await ask('DELETE', `${options.url()}/orders/${orderId}`);
    if (answer?.status === 200 || answer?.body.code === 'ORDER_FINAL') return;
    await delay(AGAIN_MS);
  }
}

async function ask(method: string, url: string, body?: unknown): Promise<Answer | undefined> {
  try {
    const response = await fetch(url, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      signal: AbortSignal.timeout(1_500),
    });
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  } catch {
    return undefined;
  }
}
