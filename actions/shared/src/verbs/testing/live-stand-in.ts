import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Alpaca's live hosts, as a program of the services makes them; ends with this process. */
export interface LiveStandIn {
  /** Where *.alpaca.markets is sent to. */
  port: number;
  /** The exchange simulator behind: `http://127.0.0.1:N`, for `/sim/*`. */
  exchange: string;
  /** For whoever asks Alpaca. */
  env: Record<string, string>;
  key: string;
  secret: string;
  close(): Promise<void>;
}

const STAND_IN = fileURLToPath(
  new URL('../../../../../services/shared/src/testing/alpaca-live/main.ts', import.meta.url),
);

export async function startLiveStandIn(): Promise<LiveStandIn> {
  const child: ChildProcess = spawn(process.execPath, [STAND_IN], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
  });
  if (child.stdout === null) throw new Error('it has no output');
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const said = JSON.parse(line) as {
    port: number;
    exchange: string;
    key_file: string;
    secret_file: string;
    env: Record<string, string>;
  };
  return {
    port: said.port,
    exchange: said.exchange,
    env: said.env,
    key: readFileSync(said.key_file, 'utf8').trim(),
    secret: readFileSync(said.secret_file, 'utf8').trim(),
    close: async () => {
      child.stdin?.end();
      await once(child, 'exit');
    },
  };
}
