import { execFile } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  demoPaperCredentials,
  ExternalError,
  loadSystemConfig,
  messageOf,
  type ServiceName,
  type SystemConfig,
} from '@papergate/config';
import {
  freePorts,
  Guard,
  machineEnvironment,
  renderConfig,
  startEmbeddedPostgres,
  waitFor,
  type EmbeddedPostgres,
} from '@papergate/delivery';
import { startService, type ServiceProcess } from './process.ts';

/** The engine's times, shortened so that a run takes seconds; their order (delay of an answer < horizon < …) is kept. */
const SETTINGS = {
  brokerTimeoutMs: 1_500,
  resendAfterMs: 600,
  lookUpIntervalMs: 50,
  catchUpGraceMs: 200,
  dispatchRetryMs: 50,
  reconcileIntervalMs: 1_000,
  reconcilePauseMs: 30,
  reconcileMinAgeMs: 300,
  streamReconnectMs: 50,
  riskStateIntervalMs: 100,
  writerLeaseMs: 800,
  writerRetryMs: 50,
};

/** So wide that no limit of risk stands in the way of what is to be shown here. */
const LIMITS = `
[position_limits]
max_position_quantity = "1000000"
max_position_value = "500000000"
max_symbol_concentration_percent = 100.0
max_gross_exposure = "1000000000"
max_net_exposure = "1000000000"
allow_short = true
[loss_limits]
max_daily_loss = "1000000000"
max_weekly_loss = "1000000000"
max_monthly_loss = "1000000000"
max_daily_loss_percent = 100.0
max_drawdown_percent = 100.0
max_consecutive_losses = 10000
[circuit_breaker]
max_rejects_per_minute = 10000
max_stale_data_ms = 60000
[order_validation]
max_price_deviation_percent = 100.0
max_spread_percent = 200.0
require_live_quote = false
max_orders_per_second = 5000
max_orders_per_minute = 300000
max_trades_per_day = 10000000
duplicate_window_ms = 0
refuse_wash_trades = false
max_open_orders = 20000
[time_restrictions]
regular_hours_only = false
no_new_positions_before_close_minutes = 0
blackout_periods = []
`;

/** Where an engine dies or stands still; `undefined`: nowhere. */
export type Strike = { at: string; signal: 'SIGKILL' | 'SIGSTOP'; after: number } | undefined;

/** The one that a successor uses beside the first: its own ports. */
export type Seat = 'first' | 'second';

/** Long enough for a machine that does ten other things: what is judged is the books, and not how soon they are kept. */
const START_MS = 180_000;

/** PostgreSQL, the exchange and the services as real processes, in a folder of their own, on ports of their own. */
export class World {
  readonly system: Record<Seat, SystemConfig>;
  readonly #root: string;
  readonly #dir: string;
  readonly #guard: Guard;
  readonly #env: Record<string, string>;
  readonly #processes = new Map<ServiceName, ServiceProcess>();
  readonly #credentials: ReturnType<typeof demoPaperCredentials>;
  readonly #signal: AbortSignal | undefined;
  #postgres: EmbeddedPostgres;
  /** The seat whose engine clients talk to. */
  seat: Seat = 'first';

  private constructor(parts: {
    root: string;
    dir: string;
    guard: Guard;
    env: Record<string, string>;
    system: Record<Seat, SystemConfig>;
    credentials: ReturnType<typeof demoPaperCredentials>;
    postgres: EmbeddedPostgres;
    signal: AbortSignal | undefined;
  }) {
    this.#root = parts.root;
    this.#dir = parts.dir;
    this.#guard = parts.guard;
    this.#env = parts.env;
    this.system = parts.system;
    this.#credentials = parts.credentials;
    this.#postgres = parts.postgres;
    this.#signal = parts.signal;
  }

  /** @param options.dir an empty folder of the caller's own */
  static async open(options: {
    root: string;
    dir: string;
    env: NodeJS.ProcessEnv;
    signal?: AbortSignal;
  }): Promise<World> {
    const { root, dir, signal } = options;
    const guard = new Guard({ patienceMs: 1_000 });
    const first = await renderSeat(root, join(dir, 'first'));
    const second = await renderSecondSeat(join(dir, 'first'), join(dir, 'second'), first);
    const postgres = await startEmbeddedPostgres({ dataDir: join(dir, 'database'), createDatabases: true, guard });
    const credentials = demoPaperCredentials();
    const env = {
      ...machineEnvironment(options.env),
      ENVIRONMENT: 'development',
      DRY_RUN: 'true',
      ALPACA_PAPER: 'true',
      ALPACA_API_KEY: credentials.key.reveal(),
      ALPACA_SECRET_KEY: credentials.secret.reveal(),
      DATABASE_URL: postgres.url.reveal(),
      EXCHANGE_STATE_DIR: join(dir, 'exchange'),
      LOG_LEVEL: 'warn',
    };
    const world = new World({ root, dir, guard, env, system: { first, second }, credentials, postgres, signal });
    try {
      const migrate = join(root, 'services/shared/src/migrate.ts');
      await promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', migrate], {
        env,
        cwd: root,
      });
      await world.start('paper-exchange');
      await world.start('market-data');
      await world.start('risk-manager');
      await world.startEngine();
      await world.ready();
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  get databaseUrl(): string {
    return this.#postgres.url.reveal();
  }

  url(service: ServiceName, seat: Seat = service === 'execution-engine' ? this.seat : 'first'): string {
    const { host, http_port: port } = this.system[seat].services[service];
    return `http://${host}:${port}`;
  }

  /** Alpaca's REST and the exchange's own controls, as an operator of the exchange sees them; waits for one that is starting. */
  async exchange(method: string, path: string, body?: unknown): Promise<unknown> {
    await this.up('paper-exchange');
    const response = await fetch(`${this.url('paper-exchange')}${path}`, {
      method,
      headers: {
        'APCA-API-KEY-ID': this.#credentials.key.reveal(),
        'APCA-API-SECRET-KEY': this.#credentials.secret.reveal(),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${text.slice(0, 200)}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** It answers. @throws ExternalError CHAOS_NOT_READY */
  async up(service: ServiceName): Promise<void> {
    const answers = async (): Promise<boolean> => {
      try {
        const { status } = await fetch(`${this.url(service)}/health`, { signal: AbortSignal.timeout(2_000) });
        return status === 200;
      } catch {
        return false;
      }
    };
    if ((await waitFor(answers, { timeoutMs: START_MS, everyMs: 20, signal: this.#signal })) === true) return;
    this.#signal?.throwIfAborted();
    throw this.#notReady(`${service} does not answer after ${START_MS} ms`);
  }

  process(service: ServiceName): ServiceProcess | undefined {
    return this.#processes.get(service);
  }

  async start(service: ServiceName, more: Record<string, string> = {}, seat: Seat = 'first'): Promise<ServiceProcess> {
    const started = startService({
      name: service,
      entry: join(this.#root, 'services', service, 'src', 'main.ts'),
      cwd: this.#root,
      env: { ...this.#env, CONFIG_DIR: join(this.#dir, seat), ...more },
      guard: this.#guard,
    });
    this.#processes.set(service, started);
    return started;
  }

  startEngine(strike?: Strike, seat: Seat = 'first'): Promise<ServiceProcess> {
    this.seat = seat;
    const treatment = JSON.stringify({ ...strike, settings: SETTINGS });
    return this.start('execution-engine', { PAPERGATE_ENGINE_TREATMENT: treatment }, seat);
  }

  async kill(service: ServiceName): Promise<void> {
    await this.#processes.get(service)?.kill();
  }

  /** SIGKILL for the server itself, the way that power fails: its children notice and go, and it recovers from its log. */
  async killDatabase(): Promise<void> {
    const { pid, exited } = this.#postgres;
    process.kill(pid, 'SIGKILL');
    await exited;
    await this.#postgres.stop();
  }

  async startDatabase(): Promise<void> {
    const { port } = this.#postgres;
    const again = (): Promise<EmbeddedPostgres> =>
      startEmbeddedPostgres({ dataDir: join(this.#dir, 'database'), port, createDatabases: true, guard: this.#guard });
    // Processes of the killed server may hold its memory for a moment longer.
    for (let tries = 0; ; tries += 1) {
      try {
        this.#postgres = await again();
        return;
      } catch (error) {
        if (tries === 20) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  /** Starts again what is not running, except the engine. */
  async raise(): Promise<void> {
    for (const service of ['paper-exchange', 'market-data', 'risk-manager'] as const) {
      if (this.#processes.get(service)?.running !== true) await this.start(service);
    }
  }

  /** The engine in the seat takes orders. @throws ExternalError CHAOS_NOT_READY, at once where the engine ends instead */
  async ready(timeoutMs = START_MS): Promise<void> {
    const engine = this.process('execution-engine');
    let last = 'no answer';
    const up = await waitFor(
      async () => {
        if (engine?.running === false) return 'ended';
        try {
          const answer = await fetch(`${this.url('execution-engine')}/health/ready`, {
            signal: AbortSignal.timeout(5_000),
          });
          last = await answer.text();
          return answer.status === 200;
        } catch (error) {
          last = messageOf(error);
          return false;
        }
      },
      { timeoutMs, everyMs: 20, signal: this.#signal },
    );
    if (up === true) return;
    this.#signal?.throwIfAborted();
    if (up === 'ended') {
      throw this.#notReady(
        `execution-engine ended by itself, with ${String(await engine?.exited)}, while it was waited for`,
      );
    }
    throw this.#notReady(`execution-engine is not ready after ${timeoutMs} ms: ${last}`);
  }

  #notReady(what: string): ExternalError {
    return new ExternalError({
      code: 'CHAOS_NOT_READY',
      message: `${what}\n${this.logs()}`,
      fix: 'run the same seed and run again; the last lines of its log are above',
    });
  }

  logs(): string {
    return [...this.#processes.values()].map((found) => `--- ${found.name}\n${found.log().slice(-2_000)}`).join('\n');
  }

  async close(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((found) => found.kill()));
    await this.#postgres.stop();
    await this.#guard.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

async function renderSeat(root: string, into: string): Promise<SystemConfig> {
  const { system } = await renderConfig({
    from: join(root, 'config'),
    into,
    environment: 'development',
    ports: 'free',
  });
  const own = structuredClone(system);
  own.strategies = [];
  own.exchange.ticks_per_second = 20;
  own.exchange.starting_cash = '100000000';
  writeFileSync(join(into, 'system.development.json'), JSON.stringify(own));
  writeFileSync(join(into, 'risk_limits.development.toml'), LIMITS);
  return loadSystemConfig(into, 'development');
}

/** The same configuration, with execution-engine on other ports: a stopped one still holds the first. */
async function renderSecondSeat(first: string, into: string, system: SystemConfig): Promise<SystemConfig> {
  const own = structuredClone(system);
  const [http, bus] = await freePorts(2);
  const engine = own.services['execution-engine'];
  engine.http_port = http ?? 0;
  engine.bus_port = bus ?? 0;
  cpSync(first, into, { recursive: true });
  writeFileSync(join(into, 'system.development.json'), JSON.stringify(own));
  return loadSystemConfig(into, 'development');
}
