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
  #services: ServiceProcess[] = [];
  /** Of every release that had services here, by manifest digest. */
  readonly #plans = new Map<string, DeployPlan>();
  readonly #started: string;
  readonly #now: () => number;
  #state: SupervisorState = 'starting';
  #database: StagingDatabase | undefined;
  #databaseState = 'not started';
  #secrets: Map<string, Secret>;
  #logTimer: NodeJS.Timeout | undefined;
  #down: Promise<void> | undefined;
  #last: DeployPlan;
  /** What is opening something right now; its end is waited for before anything is closed for good. */
  #opening: Promise<unknown> = Promise.resolve();
  readonly #abort = new AbortController();
  detached = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#started = new Date(this.#now()).toISOString();
    this.#secrets = new Map(options.secrets);
    this.#plans.set(options.plan.manifestDigest, options.plan);
    this.#last = options.plan;
  }

  status(): StagingStatus {
    const { plan } = this.#options;
    const release = this.#release();
    return {
      state: this.#state,
      run_id: release.runId,
      commit: release.commit,
      manifest_digest: release.manifestDigest,
      environment: plan.environment,
      pid: process.pid,
      since: this.#started,
      detached: this.detached,
      database: {
        kind: plan.database.kind,
        name: plan.database.kind === 'embedded' ? plan.database.name : null,
        user: plan.database.kind === 'embedded' ? plan.database.user : null,
        port: this.#database?.port ?? null,
        version: this.#database?.version ?? null,
        state: this.#databaseState,
      },
      services: this.#services.map((service) => service.status()),
      release_dir: release.release,
      config_dir: release.configDir,
      home_run_id: plan.runId,
    };
  }

  /** The release that the services are of; while two are here, the one that is being left. */
  #release(): DeployPlan {
    const found = new Set(this.#services.map(({ manifestDigest }) => manifestDigest));
    const only = found.size === 1 ? this.#plans.get([...found][0] ?? '') : undefined;
    if (only !== undefined) this.#last = only;
    return this.#last;
  }

  /**
   * Stops these services together and answers when they are gone. Idempotent.
   * @returns how each ended
   */
  async stopServices(names: readonly string[]): Promise<Record<string, string>> {
    const stopping = this.#services
      .filter(({ name }) => names.includes(name))
      .map(async (service) => [service.name, await this.#stopService(service, 'another release')] as const);
    return Object.fromEntries(await Promise.all(stopping));
  }

  /** Starts one service of a release in the place of the one that was stopped. Idempotent; does not wait for readiness. */
  startService(plan: DeployPlan, name: string, secrets: ReadonlyMap<string, Secret>): void {
    this.#abort.signal.throwIfAborted();
    const wanted = plan.services.find((service) => service.name === name);
    if (wanted === undefined) throw new Error(`the release has no service ${name}`);
    const before = this.#services.find((service) => service.name === name);
    if (before !== undefined && !before.isStopping && before.state !== 'failed') {
      if (before.manifestDigest === plan.manifestDigest) return;
      throw new Error(`${name} of another release still runs`);
    }
    this.#plans.set(plan.manifestDigest, plan);
    for (const [key, secret] of secrets) this.#secrets.set(key, secret);
    const step = this.#options.journal.begin(`start ${name}`, { entry: wanted.entry, commit: plan.commit });
    this.#tell('step', `starting ${name} of ${plan.commit.slice(0, 12)}`, name);
    const service = this.#prepare(wanted, plan);
    service.start();
    step.done();
    void service.watchUntilReady().catch(() => {});
  }

  /** Forgets services that the present release no longer has, once it is the only one. */
  forgetServices(names: readonly string[]): void {
    this.#services = this.#services.filter(({ name, isStopping }) => !(isStopping && names.includes(name)));
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

  #prepare(plan: ServicePlan, of: DeployPlan = this.#options.plan): ServiceProcess {
    const { home, guard, record, probe = probeReadiness } = this.#options;
    const { release, commit, restart, manifestDigest } = of;
    const service = new ServiceProcess({
      plan,
      cwd: release,
      env: { ...this.#environment(plan.secrets, of.env), ...plan.env, PAPERGATE_WATCH_STDIN: 'true' },
      commit,
      manifestDigest,
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
    const at = this.#services.findIndex(({ name }) => name === plan.name);
    if (at === -1) this.#services.push(service);
    else this.#services[at] = service;
    return service;
  }

  #environment(
    names: readonly string[],
    settings: Readonly<Record<string, string>> = this.#options.plan.env,
  ): Record<string, string> {
    const env: Record<string, string> = { ...this.#options.machineEnv, ...settings };
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
    const { home, logLimit = LOG_LIMIT } = this.#options;
    this.#logTimer = setInterval(() => {
      for (const name of [...this.#services.map((service) => service.name), 'migrate', 'supervisor'])
        rotateLog(join(home.logs, `${name}.log`), logLimit);
    }, LOG_LOOK_MS);
    this.#logTimer.unref();
  }

  /** Services in reverse, then the database. A second call joins the first; `hurry` ends the patience of it. */
  down(reason: string, hurry?: AbortSignal): Promise<void> {
    this.#down ??= this.#takeDown(reason, hurry);
    return this.#down;
  }

  async #takeDown(reason: string, hurry: AbortSignal | undefined): Promise<void> {
    const { journal } = this.#options;
    this.#state = 'stopping';
    this.#abort.abort(new ExternalError({ code: 'STOPPED', message: `the deploy was stopped: ${reason}` }));
    this.#tell('step', `stopping: ${reason}`);
    for (const service of this.#services.toReversed()) await this.#stopService(service, reason, hurry);
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

  async #stopService(service: ServiceProcess, reason: string, hurry?: AbortSignal): Promise<string> {
    const { plan, journal } = this.#options;
    const step = journal.begin(`stop ${service.name}`, { reason });
    const outcome = await service.stop(plan.stopPatienceMs, hurry);
    step.done({ outcome });
    if (outcome === 'killed') this.#tell('warning', 'did not stop in time and was killed', service.name);
    if (outcome === 'stopped') this.#tell('service', 'stopped', service.name);
    return outcome;
  }

  #tell(kind: SupervisorEvent['kind'], message: string, service?: string): void {
    const event: SupervisorEvent = { at: new Date(this.#now()).toISOString(), kind, message };
    if (service !== undefined) event.service = service;
    this.#options.onEvent(event);
  }
}
