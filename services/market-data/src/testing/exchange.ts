import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Secret } from '@papergate/config';
import type { Sums, SymbolSums } from '../ticks/sums.ts';

const STANDALONE = fileURLToPath(new URL('../../../paper-exchange/src/standalone.ts', import.meta.url));

/** The exchange's older form: counts as numbers, sums apart, sizes in millionths. */
interface SentOfSymbol {
  trades: number;
  quotes: number;
  sums: Record<'price' | 'size' | 'bid' | 'bid_size' | 'ask' | 'ask_size', string>;
}

export interface ExchangeStatus {
  running: boolean;
  finished: boolean;
  sent: { total: number; by_symbol: Record<string, SymbolSums | SentOfSymbol> };
}

export interface SpawnedExchange {
  url: string;
  dataUrl: string;
  keyId: Secret;
  secret: Secret;
  status(): Promise<ExchangeStatus>;
  post(path: string, body: unknown): Promise<void>;
  close(): Promise<void>;
}

/** The exchange in a process of its own, as `papergate exchange` starts it, on a free port. It dies with this process. */
export async function spawnExchange(flags: readonly string[]): Promise<SpawnedExchange> {
  const child = spawn(
    process.execPath,
    [STANDALONE, '--port', '0', '--json', '--watch-stdin', '--rate-limit', '0', ...flags],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  const close = async (): Promise<void> => {
    child.stdin.end();
    await exited;
  };
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line').then(([text]) => String(text)),
    exited.then(() => undefined),
  ]);
  if (line === undefined) throw new Error('the exchange did not start; its own message is above');
  const { url, data_stream_url: dataUrl, key, secret } = JSON.parse(line) as Record<string, string>;
  return {
    url: url ?? '',
    dataUrl: dataUrl ?? '',
    keyId: new Secret(key ?? ''),
    secret: new Secret(secret ?? ''),
    async status() {
      return (await (await fetch(`${url}/sim/status`)).json()) as ExchangeStatus;
    },
    async post(path, body) {
      const answer = await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${await answer.text()}`);
    },
    close,
  };
}

/** What the exchange has sent, in the form of docs/architecture.md. */
export function sumsOfExchange({ sent }: ExchangeStatus): Record<string, SymbolSums> {
  const sums: Record<string, SymbolSums> = {};
  for (const [symbol, entry] of Object.entries(sent.by_symbol)) {
    sums[symbol] = 'sums' in entry ? converted(entry) : { trades: pick(entry.trades), quotes: pick(entry.quotes) };
  }
  return sums;
}

function pick({ count, price_sum, size_sum }: Sums): Sums {
  return { count, price_sum, size_sum };
}

function converted({ trades, quotes, sums }: SentOfSymbol): SymbolSums {
  const { price, size, bid, bid_size: bidSize, ask, ask_size: askSize } = sums;
  return {
    trades: sumsOf(trades, BigInt(price), BigInt(size)),
    quotes: sumsOf(quotes, BigInt(bid) + BigInt(ask), BigInt(bidSize) + BigInt(askSize)),
  };
}

function sumsOf(count: number, prices: bigint, sizes: bigint): Sums {
  const whole = sizes / 1_000_000n;
  const rest = String(sizes % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return { count, price_sum: String(prices), size_sum: rest === '' ? String(whole) : `${whole}.${rest}` };
}
