import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { loadSystemConfig, type Secret, type StrategyConfig } from '@papergate/config';
import { freePorts, until } from '@papergate/service-kit/testing';

const SERVICES = fileURLToPath(new URL('../../../', import.meta.url));
const CONFIG_DIR = fileURLToPath(new URL('../../../../config', import.meta.url));

export interface Bundle {
  exchangeUrl: string;
  marketDataUrl: string;
  signalBridgeUrl: string;
  signalPort: number;
  output(): string;
  /** Ends signal-bridge as a deploy does and gives its exit code. */
  stopSignalBridge(): Promise<number | null>;
  close(): Promise<void>;
}

/** Exchange (synthetic market), market-data and signal-bridge, each in its own process, as a deploy starts them. */
export async function startBundle(options: {
  databaseUrl: Secret;
  strategies: StrategyConfig[];
  symbols: string[];
  ticksPerSecond: number;
}): Promise<Bundle> {
  const folder = await mkdtemp(join(tmpdir(), 'papergate-config-'));
  const children: ChildProcess[] = [];
  let output = '';

  function run(service: string, file: string, args: string[], env: Record<string, string>): ChildProcess {
    const child = spawn(process.execPath, [join(SERVICES, service, 'src', file), ...args], {
      env: { ...env, PAPERGATE_WATCH_STDIN: 'true' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    children.push(child);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    return child;
  }
  async function end(child: ChildProcess): Promise<number | null> {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    return child.exitCode;
  }

  const flags = ['--port', '0', '--json', '--watch-stdin', '--rate-limit', '0', '--symbols', options.symbols.join(',')];
  const exchange = run(
    'paper-exchange',
    'standalone.ts',
    [...flags, '--ticks-per-second', String(options.ticksPerSecond)],
    {},
  );
  const [line] = (await once(createInterface({ input: exchange.stdout as NodeJS.ReadableStream }), 'line')) as [string];
  const { url, data_stream_url: dataUrl, key, secret } = JSON.parse(line) as Record<string, string>;

  await cp(CONFIG_DIR, folder, { recursive: true, filter: (path) => !/node_modules|\.ts$/.test(path) });
  const system = loadSystemConfig(CONFIG_DIR, 'development');
  const [dataHttp = 0, dataBus = 0, signalHttp = 0, signalBus = 0] = await freePorts(4);
  system.services['market-data'] = { host: '127.0.0.1', http_port: dataHttp, bus_port: dataBus };
  system.services['signal-bridge'] = { host: '127.0.0.1', http_port: signalHttp, bus_port: signalBus };
  system.alpaca.data_stream_url = dataUrl ?? '';
  system.symbols = options.symbols;
  system.strategies = options.strategies;
  await writeFile(join(folder, 'system.development.json'), JSON.stringify(system));
  const env = {
    ENVIRONMENT: 'development',
    CONFIG_DIR: folder,
    ALPACA_API_KEY: key ?? '',
    ALPACA_SECRET_KEY: secret ?? '',
    DRY_RUN: 'true',
    ALPACA_PAPER: 'true',
    DATABASE_URL: options.databaseUrl.reveal(),
  };
  run('market-data', 'main.ts', [], env);
  const signalBridge = run('signal-bridge', 'main.ts', [], env);

  const bundle: Bundle = {
    exchangeUrl: url ?? '',
    marketDataUrl: `http://127.0.0.1:${dataHttp}`,
    signalBridgeUrl: `http://127.0.0.1:${signalHttp}`,
    signalPort: signalBus,
    output: () => output,
    stopSignalBridge: () => end(signalBridge),
    async close() {
      for (const child of children.toReversed()) await end(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    for (const base of [bundle.marketDataUrl, bundle.signalBridgeUrl]) await ready(base);
  } catch (error) {
    await bundle.close();
    throw new Error(`the bundle did not become ready:\n${output}`, { cause: error });
  }
  return bundle;
}

function ready(base: string): Promise<boolean> {
  return until(`${base} to be ready`, () =>
    fetch(`${base}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
}
