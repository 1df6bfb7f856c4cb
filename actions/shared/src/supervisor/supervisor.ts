import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ExternalError, type Secret } from '@papergate/config';
import type { Guard } from '../guard/index.ts';
import type { Home } from '../home/index.ts';
import type { Journal } from '../journal/index.ts';
import type { EmbeddedPostgres } from '../postgres/index.ts';
import { identify, type ProcessId } from '../process/facts.ts';
import { migrate, openDatabase, type StagingDatabase } from './database.ts';
import { rotateLog } from './log-file.ts';
import type { DeployPlan, ServicePlan } from './plan.ts';
import type { ProcessRecord } from './processes.ts';
import { probeReadiness, type Probe } from './readiness.ts';
import { ServiceProcess } from './service-process.ts';
import type { StagingStatus, SupervisorEvent, SupervisorState } from './status.ts';

export interface SupervisorOptions {
  plan: DeployPlan;
  home: Home;
  journal: Journal;
  guard: Guard;
  record: ProcessRecord;
  /** By name; the database's address is added when the database is up. */
  secrets: ReadonlyMap<string, Secret>;
  /** Variables of the machine that every service gets: PATH and the like. */
  machineEnv: Record<string, string>;
  onEvent(event: SupervisorEvent): void;
  probe?: Probe;
  now?: () => number;
  logLimit?: number;
}

const LOG_LIMIT = 20 * 1024 * 1024;
const LOG_LOOK_MS = 5_000;

/** Brings a staging up in order, keeps it up, and takes it down in reverse. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #services: ServiceProcess[] = [];
  readonly #started: string;
  readonly #now: () => number;
  #state: SupervisorState = 'starting';
  #database: StagingDatabase | undefined;
  #databaseState = 'not started';
  #secrets: Map<string, Secret>;
  #logTimer: NodeJS.Timeout | undefined;
  #down: Promise<void> | undefined;
  /** What is opening something right now; its end is waited for before anything is closed for good. */
  #opening: Promise<unknown> = Promise.resolve();
  readonly #abort = new AbortController();
  detached = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#started = new Date(this.#now()).toISOString();
    this.#secrets = new Map(options.secrets);
  }

  status(): StagingStatus {
    const { plan } = this.#options;
    return {
      state: this.#state,
      run_id: plan.runId,
      commit: plan.commit,
      manifest_digest: plan.manifestDigest,
      environment: plan.environment,
      pid: process.pid,
      since: this.#started,
      detached: this.detached,
      database: {
        kind: plan.database.kind,
        port: this.#database?.port ?? null,
        version: this.#database?.version ?? null,
        state: this.#databaseState,
      },
      services: this.#services.map((service) => service.status()),
      release_dir: plan.release,
      config_dir: plan.configDir,
    };
  }

  /** Database, migrations, services in order. Where one does not come up, everything is taken down again. */
  async up(): Promise<void> {
    const { signal } = this.#abort;
    try {
      const opening = this.#bringUp(signal);
      this.#opening = opening.catch(() => {});
      await opening;
      signal.throwIfAborted();
      this.#state = 'up';
    } catch (error) {
      // Whatever broke because we were told to stop is not the news; that we were told is.
      const told = signal.aborted ? (signal.reason as unknown) : error;
      await this.down('the deploy failed');
      throw told;
    }
  }

  async #bringUp(signal: AbortSignal): Promise<void> {
    const { plan, journal } = this.#options;
    this.#watchLogs();
    await journal.during('database', { ...plan.database }, () => this.#openDatabase());
    signal.throwIfAborted();
    if (plan.migrate !== undefined) await this.#migrate(plan.migrate, signal);
    const deadline = this.#now() + plan.readyTimeoutMs;
    for (const servicePlan of plan.services) {
      signal.throwIfAborted();
      const service = this.#prepare(servicePlan);
      await journal.during(`start ${servicePlan.name}`, { entry: servicePlan.entry }, async () => {
        this.#tell('step', `starting ${servicePlan.name}`, servicePlan.name);
        service.start();
        await service.waitReady(deadline, signal);
      });
    }
  }

  async #openDatabase(): Promise<void> {
    const { plan, home, guard, record } = this.#options;
    if (plan.database.kind === 'embedded') this.#tell('step', 'starting PostgreSQL');
    this.#databaseState = 'starting';
    const database = await openDatabase(plan.database, home.postgres, guard, this.#secrets.get('DATABASE_URL'));
    this.#database = database;
    this.#databaseState = 'up';
    if (database.url !== undefined) this.#secrets.set('DATABASE_URL', database.url);
    const { server } = database;
    if (server === undefined) return;
    const id = identify(server.pid);
    if (id !== undefined) record.add({ name: 'postgres', ...id, signal: 'SIGINT' });
    void this.#watchDatabase(server, id);
  }

  async #watchDatabase(server: EmbeddedPostgres, id: ProcessId | undefined): Promise<void> {
    await server.exited;
    if (id !== undefined) this.#options.record.drop(id);
    if (!this.#abort.signal.aborted) this.#opening = this.#restartDatabase();
  }

  // The services hold on and reconnect; what was committed is there after PostgreSQL's own recovery.
  async #restartDatabase(): Promise<void> {
    this.#databaseState = 'restarting';
    this.#tell('warning', 'PostgreSQL ended; restarting it');
    for (let pause = 250; !this.#abort.signal.aborted; pause = Math.min(10_000, pause * 2)) {
      await this.#database?.server?.stop();
      try {
        await this.#openDatabase();
        this.#tell('step', 'PostgreSQL is back');
        return;
      } catch (error) {
        this.#databaseState = 'down';
        this.#tell(
          'warning',
          `PostgreSQL does not come back: ${error instanceof Error ? error.message : String(error)}`,
        );
        await delay(pause, undefined, { signal: this.#abort.signal }).catch(() => {});
      }
    }
  }

  async #migrate(script: string, signal: AbortSignal): Promise<void> {
    const { plan, home, journal } = this.#options;
    this.#tell('step', 'migrating the database');
    await journal.during('migrate', { script }, () =>
      migrate({
        release: plan.release,
        script,
        env: this.#environment(['DATABASE_URL']),
        logPath: join(home.logs, 'migrate.log'),
        secrets: this.#secretValues(),
        signal,
      }),
    );
  }

  #prepare(plan: ServicePlan): ServiceProcess {
    const { home, guard, record, probe = probeReadiness } = this.#options;
    const { release, commit, restart } = this.#options.plan;
    const service = new ServiceProcess({
      plan,
      cwd: release,
      env: { ...this.#environment(plan.secrets), PAPERGATE_WATCH_STDIN: 'true' },
      commit,
      logPath: join(home.logs, `${plan.name}.log`),
      restart,
      probe,
      secrets: this.#secretValues(),
      onStarted: (id) => {
        guard.add(id);
        record.add({ name: plan.name, ...id, signal: 'SIGTERM' });
      },
      onEnded: (id) => {
        guard.drop(id.pid);
        record.drop(id);
      },
      onChange: (message) => this.#tell('service', message, plan.name),
      now: this.#now,
    });
    this.#services.push(service);
    return service;
  }

  #environment(names: readonly string[]): Record<string, string> {
    const { machineEnv, plan } = this.#options;
    const env: Record<string, string> = { ...machineEnv, ...plan.env };
    for (const name of names) {
      const secret = this.#secrets.get(name);
      if (secret !== undefined) env[name] = secret.reveal();
    }
    return env;
  }

  #secretValues(): string[] {
    return [...this.#secrets.values()].map((secret) => secret.reveal());
  }

  #watchLogs(): void {
    const { home, plan, logLimit = LOG_LIMIT } = this.#options;
    const names = [...plan.services.map(({ name }) => name), 'migrate', 'supervisor'];
    this.#logTimer = setInterval(() => {
      for (const name of names) rotateLog(join(home.logs, `${name}.log`), logLimit);
    }, LOG_LOOK_MS);
    this.#logTimer.unref();
  }

  /** Services in reverse, then the database. A second call joins the first; `hurry` ends the patience of it. */
  down(reason: string, hurry?: AbortSignal): Promise<void> {
    this.#down ??= this.#takeDown(reason, hurry);
    return this.#down;
  }

  async #takeDown(reason: string, hurry: AbortSignal | undefined): Promise<void> {
    const { plan, journal } = this.#options;
    this.#state = 'stopping';
    this.#abort.abort(new ExternalError({ code: 'STOPPED', message: `the deploy was stopped: ${reason}` }));
    this.#tell('step', `stopping: ${reason}`);
    for (const service of this.#services.toReversed()) {
      const step = journal.begin(`stop ${service.name}`, { reason });
      const outcome = await service.stop(plan.stopPatienceMs, hurry);
      step.done({ outcome });
      if (outcome === 'killed') this.#tell('warning', 'did not stop in time and was killed', service.name);
      if (outcome === 'stopped') this.#tell('service', 'stopped', service.name);
    }
    await this.#opening;
    if (this.#database?.server !== undefined) {
      const step = journal.begin('stop postgres', { reason });
      await this.#database.server.stop();
      step.done();
      this.#databaseState = 'stopped';
    }
    clearInterval(this.#logTimer);
    this.#state = 'stopped';
    this.#tell('step', 'stopped');
  }

  #tell(kind: SupervisorEvent['kind'], message: string, service?: string): void {
    const event: SupervisorEvent = { at: new Date(this.#now()).toISOString(), kind, message };
    if (service !== undefined) event.service = service;
    this.#options.onEvent(event);
  }
}
