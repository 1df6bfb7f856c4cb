import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Secret } from '@papergate/config';
import type { Sums, SymbolSums } from '../ticks/sums.ts';

const STANDALONE = fileURLToPath(new URL('../../../paper-exchange/src/standalone.ts', import.meta.url));

export interface ExchangeStatus {
  running: boolean;
  finished: boolean;
  sent: { total: number; by_symbol: Record<string, SymbolSums> };
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

/** What the exchange has sent, as docs/architecture.md defines it, without what else it tells of a symbol. */
export function sumsOfExchange({ sent }: ExchangeStatus): Record<string, SymbolSums> {
  return Object.fromEntries(
    Object.entries(sent.by_symbol).map(([symbol, { trades, quotes }]) => [
      symbol,
      { trades: pick(trades), quotes: pick(quotes) },
    ]),
  );
}

function pick({ count, price_sum, size_sum }: Sums): Sums {
  return { count, price_sum, size_sum };
}
