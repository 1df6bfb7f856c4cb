import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { EXIT, ExternalError } from '@papergate/config';
import { identify, type ProcessId } from '../process/facts.ts';
import { lastLines, logSize, openLog, readableLine } from './log-file.ts';
import type { RestartPolicy, ServicePlan } from './plan.ts';
import type { Probe } from './readiness.ts';
import { redact } from './redact.ts';
import type { ServiceState, ServiceStatus } from './status.ts';

export interface ServiceProcessOptions {
  plan: ServicePlan;
  /** The folder of the release. */
  cwd: string;
  /** The whole environment of the service, its secrets included. */
  env: Record<string, string>;
  commit: string;
  manifestDigest: string;
  logPath: string;
  restart: RestartPolicy;
  probe: Probe;
  /** Values that must never be shown, also where the service itself wrote them to its log. */
  secrets: readonly string[];
  onStarted(id: ProcessId): void;
  onEnded(id: ProcessId): void;
  onChange(message: string): void;
  now?: () => number;
}

/** One service: its process, its restarts, its end. */
export class ServiceProcess {
  readonly #options: ServiceProcessOptions;
  readonly #now: () => number;
  #child: ChildProcess | undefined;
  #state: ServiceState = 'waiting';
  #detail: string | null = null;
  #since: string | null = null;
  #restarts = 0;
  #logStart = 0;
  #crashes: number[] = [];
  #stopping = new AbortController();

  constructor(options: ServiceProcessOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  get name(): string {
    return this.#options.plan.name;
  }

  get state(): ServiceState {
    return this.#state;
  }

  get manifestDigest(): string {
    return this.#options.manifestDigest;
  }

  get isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  get #isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  status(): ServiceStatus {
    return {
      name: this.name,
      state: this.#state,
      url: this.#options.plan.url,
      pid: this.#isRunning ? (this.#child?.pid ?? null) : null,
      restarts: this.#restarts,
      since: this.#since,
      detail: this.#detail,
      manifest_digest: this.#options.manifestDigest,
      digest: this.#options.plan.digest ?? null,
    };
  }

  start(): void {
    const { plan, cwd, env, logPath } = this.#options;
    this.#logStart = logSize(logPath);
    const log = openLog(logPath);
    // The pipe on stdin is never written to: its end tells the service that the supervisor is gone.
    const child = spawn(process.execPath, [...(plan.node ?? []), plan.entry], { cwd, env, stdio: ['pipe', log, log] });
    closeSync(log);
    child.stdin?.on('error', () => {});
    this.#child = child;
    this.#since = new Date(this.#now()).toISOString();
    this.#state = 'starting';
    const id = child.pid === undefined ? undefined : identify(child.pid);
    if (id !== undefined) this.#options.onStarted(id);
    child.once('error', (error) => this.#ended(id, null, error.message));
    child.once('exit', (code, signal) => this.#ended(id, code, signal ?? undefined));
  }

  /** Waits until the service is ready. @throws ExternalError SERVICE_NOT_READY */
  async waitReady(deadline: number, signal?: AbortSignal): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.#state === 'failed') throw this.#notReady('gave up');
      const child = this.#child;
      const found =
        child === undefined ? 'not running' : await this.#options.probe(this.#options.plan.url, this.#options.commit);
      // An answer counts only if the process that gave it is still the same and alive.
      if (found === true && child === this.#child && this.#isRunning) return this.#becomeReady();
      if (found !== true && this.#state === 'starting') this.#detail = found;
      if (this.#now() >= deadline) throw this.#notReady('is not ready in time');
      await delay(50);
    }
  }

  #becomeReady(): void {
    this.#state = 'ready';
    this.#detail = null;
    this.#options.onChange('ready');
  }

  #notReady(what: string): ExternalError {
    const { plan, logPath, secrets } = this.#options;
    const lines = lastLines(logPath, 12, this.#logStart).map((line) => `    ${readableLine(line)}`);
    return new ExternalError({
      code: 'SERVICE_NOT_READY',
      message: redact(
        `${plan.name} ${what}: ${this.#detail ?? 'no answer'}\n  its last words (${logPath}):\n${lines.join('\n') || '    (none)'}`,
        secrets,
      ),
      fix: 'mend what its last words name; "npx papergate logs" shows the rest',
    });
  }

  #ended(id: ProcessId | undefined, code: number | null, reason: string | undefined): void {
    if (id !== undefined) this.#options.onEnded(id);
    const how = reason ?? (code === null ? 'unknown' : `exit code ${code}`);
    if (this.#stopping.signal.aborted) {
      this.#state = 'stopped';
      this.#detail = how;
      return;
    }
    this.#crashes = [...this.#crashes.filter((at) => this.#now() - at < this.#options.restart.windowMs), this.#now()];
    this.#detail = `ended with ${how}`;
    // Exit 2 is a mistake in configuration or credentials, which no restart mends.
    if (code === EXIT.usage) return this.#giveUp(`refused to start (${how})`);
    if (this.#crashes.length > this.#options.restart.limit) {
      return this.#giveUp(`crashed ${this.#crashes.length} times within ${this.#options.restart.windowMs / 1000} s`);
    }
    void this.#restartLater(how);
  }

  #giveUp(why: string): void {
    this.#state = 'failed';
    this.#detail = why;
    this.#options.onChange(why);
  }

  async #restartLater(how: string): Promise<void> {
    const { firstPauseMs, longestPauseMs } = this.#options.restart;
    const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** (this.#crashes.length - 1));
    this.#state = 'restarting';
    this.#options.onChange(`ended with ${how}; restarting in ${pause} ms`);
    try {
      await delay(pause, undefined, { signal: this.#stopping.signal });
      this.#restarts += 1;
      this.start();
      this.#options.onChange('restarted');
      await this.watchUntilReady();
    } catch {
      // Stopped while it waited.
    }
  }

  /** For starts whose readiness nobody waits for here: the state has to tell the truth. */
  async watchUntilReady(): Promise<void> {
    const child = this.#child;
    while (this.#state === 'starting' && child === this.#child && !this.#stopping.signal.aborted) {
      const found = await this.#options.probe(this.#options.plan.url, this.#options.commit);
      if (this.#state !== 'starting' || child !== this.#child) return;
      if (found === true) return this.#becomeReady();
      this.#detail = found;
      await delay(50, undefined, { signal: this.#stopping.signal });
    }
  }

  /** SIGTERM, patience, SIGKILL. `hurry` cuts the patience short. */
  async stop(patienceMs: number, hurry?: AbortSignal): Promise<'stopped' | 'killed' | 'was not running'> {
    this.#stopping.abort();
    const child = this.#child;
    if (child === undefined || !this.#isRunning) {
      this.#state = 'stopped';
      return 'was not running';
    }
    this.#state = 'stopping';
    const exited = new Promise<true>((resolve) => {
      child.once('exit', () => resolve(true));
    });
    child.kill('SIGTERM');
    // An ended wait must not keep the supervisor alive, so it is cut off as well when the service is gone.
    const over = new AbortController();
    const signal = hurry === undefined ? over.signal : AbortSignal.any([over.signal, hurry]);
    const patience = delay(patienceMs, false as const, { signal }).catch(() => false as const);
    const inTime = await Promise.race([exited, patience]);
    over.abort();
    if (inTime) return 'stopped';
    child.kill('SIGKILL');
    await exited;
    return 'killed';
  }
}
