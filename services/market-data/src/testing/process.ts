import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadSystemConfig, type SystemConfig } from '@papergate/config';
import { freePorts, until } from '@papergate/service-kit/testing';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const CONFIG_DIR = fileURLToPath(new URL('../../../../config', import.meta.url));

export interface ServiceProcess {
  url: string;
  busPort: number;
  /** What it has written to stdout and stderr. */
  output(): string;
  /** Sends a signal and resolves to the exit code. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
  exited: Promise<number | null>;
}

export interface ServiceProcessOptions {
  dataUrl: string;
  keyId: string;
  secret: string;
  symbols: string[];
  system?: (system: SystemConfig) => void;
  /** Wait until it is ready (default) or only start it. */
  waitForReadiness?: boolean;
}

/** market-data as a deploy starts it: its own process, its own configuration folder, free ports. */
export async function spawnService(options: ServiceProcessOptions): Promise<ServiceProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'papergate-config-'));
  await cp(CONFIG_DIR, folder, { recursive: true, filter: (path) => !/node_modules|\.ts$/.test(path) });
  const system = loadSystemConfig(CONFIG_DIR, 'development');
  const [httpPort = 0, busPort = 0] = await freePorts(2);
  system.services['market-data'] = { host: '127.0.0.1', http_port: httpPort, bus_port: busPort };
  system.alpaca.data_stream_url = options.dataUrl;
  system.symbols = options.symbols;
  system.strategies = [];
  options.system?.(system);
  await writeFile(join(folder, 'system.development.json'), JSON.stringify(system));

  const child = spawn(process.execPath, [MAIN], {
    env: {
      ENVIRONMENT: 'development',
      CONFIG_DIR: folder,
      ALPACA_API_KEY: options.keyId,
      ALPACA_SECRET_KEY: options.secret,
      DRY_RUN: 'true',
      ALPACA_PAPER: 'true',
      PAPERGATE_WATCH_STDIN: 'true',
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  let gone = false;
  const exited = once(child, 'exit').then(async ([code]) => {
    gone = true;
    await rm(folder, { recursive: true, force: true });
    return code as number | null;
  });
  const url = `http://127.0.0.1:${httpPort}`;
  if (options.waitForReadiness ?? true) {
    await until('market-data to be ready', async () => {
      if (gone) throw new Error(`market-data ended at once:\n${output}`);
      return fetch(`${url}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    });
  }
  return {
    url,
    busPort,
    output: () => output,
    end(signal = 'SIGTERM') {
      child.kill(signal);
      return exited;
    },
    exited,
  };
}
