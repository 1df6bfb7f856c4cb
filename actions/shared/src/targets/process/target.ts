import { join } from 'node:path';
import { statfs } from 'node:fs/promises';
import {
  ExternalError,
  messageOf,
  validateAll,
  type EnvSource,
  type GateEvidence,
  type Secret,
  type ServiceName,
} from '@papergate/config';
import { servicesOf } from '../../composition/names.ts';
import type {
  DatabaseAccess,
  DeliveryTarget,
  Fence,
  Observed,
  ObservedService,
  Place,
  ProbeResult,
  PruneResult,
} from '../../deliver/types.ts';
import type { Check, OnProgress, ServiceUrls, StageResult } from '../../evidence/index.ts';
import type { Home } from '../../home/index.ts';
import type { Manifest } from '../../release/index.ts';
import { buildRelease } from '../../ship/stages/build.ts';
import { judgedEnvironment } from '../../ship/credentials.ts';
import type { SmokeCall } from '../../ship/types.ts';
import { askHandover, askStatus, askStop } from '../../supervisor/client.ts';
import { migrate } from '../../supervisor/database.ts';
import { lastLines, logSize, readableLine } from '../../supervisor/log-file.ts';
import { machineEnvironment } from '../../supervisor/machine-env.ts';
import type { SecretName } from '../../supervisor/plan.ts';
import { probeReadiness } from '../../supervisor/readiness.ts';
import { redact } from '../../supervisor/redact.ts';
import type { ServiceStatus, StagingStatus } from '../../supervisor/status.ts';
import { databaseOf } from './database.ts';
import { gateChecks, gateOf } from '../gate.ts';
import { beginStaging } from './begin.ts';
import { pruneTrees, removeData } from './prune.ts';
import { gatePath, layOut, readPlan, treeOf } from './release.ts';

export interface ProcessTargetOptions {
  place: Place;
  home: Home;
  /** The checkout that holds the commits. */
  repository: string;
  /** The caller's environment, raw. */
  env: EnvSource;
  /** What services are given from now on; empty in development, where a staging keeps the keys that were made for it. */
  secrets: ReadonlyMap<SecretName, Secret>;
  /** Of a staging that does not run yet; one that runs keeps its own. */
  ports: 'default' | 'free';
  /** Named in the record of what this deployer lays out. */
  runId: string;
  /** Production: what the gate left for the release that is delivered. */
  gate?: GateEvidence | undefined;
  /** The smoke stage; injected. */
  runSmoke: (call: SmokeCall) => Promise<StageResult>;
}

/** Room that a release and its packages may take, bytes. */
const ROOM = 512 * 1024 * 1024;

/** Those of one line need nothing of each other. */
const WAVES: readonly (readonly ServiceName[])[] = [
  ['paper-exchange'],
  ['market-data'],
  ['signal-bridge', 'risk-manager'],
  ['execution-engine'],
  ['orchestrator', 'observability-api'],
  ['dashboard'],
];

/** A staging of child processes on this machine; its supervisor carries out what the engine decides. */
export class ProcessTarget implements DeliveryTarget {
  readonly order: readonly ServiceName[];
  readonly waves: readonly (readonly ServiceName[])[];
  readonly #options: ProcessTargetOptions;

  constructor(options: ProcessTargetOptions) {
    this.#options = options;
    const order = servicesOf(options.place.environment);
    this.order = order;
    this.waves = WAVES.map((wave) => wave.filter((name) => order.includes(name))).filter(({ length }) => length > 0);
  }

  get place(): Place {
    return this.#options.place;
  }

  async verify(manifest: Manifest, signal?: AbortSignal): Promise<Check[]> {
    const { home, repository, place, env, gate: given } = this.#options;
    const status = await askStatus(home);
    if (status !== undefined) refuseForeign(status, place);
    const release = await treeOf(repository, home, manifest, signal);
    const judged = judgedEnvironment(place.environment, env);
    const { environment } = place;
    const gate = await gateOf({ place, path: gatePath(place, manifest.digest), manifest, given });
    const report = validateAll({
      configDir: join(release.dir, 'config'),
      environment,
      env: environment === 'production' ? { ...judged.env, RELEASE_SHA: manifest.commit } : judged.env,
      root: release.dir,
      gate,
    });
    const wrong = [
      ...report.problems.map(({ message }) => message),
      ...report.policy.findings.map(({ rule, message }) => `[${rule}] ${message}`),
    ];
    const { bavail, bsize } = await statfs(home.dir);
    return [
      { name: 'artifacts have the manifest’s digests', status: 'passed', observed: this.order.length },
      ...gateChecks({ place, manifest }, gate),
      {
        name: `configuration and credentials of ${environment}`,
        status: wrong.length === 0 ? 'passed' : 'failed',
        ...(wrong.length === 0 ? {} : { detail: wrong.join('; ') }),
      },
      {
        name: 'disk space',
        status: bavail * bsize >= ROOM ? 'passed' : 'failed',
        observed: Math.round((bavail * bsize) / 2 ** 20),
        limit: `>= ${ROOM / 2 ** 20}`,
        unit: 'MB',
      },
    ];
  }

  async ensureInfrastructure(
    manifest: Manifest,
    fence: Fence,
    onProgress: OnProgress,
    signal?: AbortSignal,
  ): Promise<void> {
    const status = await askStatus(this.#options.home);
    if (status?.state === 'up') return;
    await fence.assertHeld();
    const { home, repository } = this.#options;
    const release = await treeOf(repository, home, manifest, signal);
    await beginStaging({ ...this.#options, release, onProgress });
  }

  async prepare(manifest: Manifest, fence: Fence, onProgress: OnProgress, signal?: AbortSignal): Promise<void> {
    const { home, repository, place, runId, env, secrets, gate } = this.#options;
    const release = await treeOf(repository, home, manifest, signal);
    await fence.assertHeld();
    await buildRelease(repository, release, {
      signal: signal ?? new AbortController().signal,
      onProgress: (message) => onProgress({ message }),
    });
    const status = await this.#status();
    const externalDatabase = secrets.has('DATABASE_URL') || status.database.kind === 'external';
    await layOut({ place, home, release, status, runId, env, externalDatabase, gate });
  }

  async database(): Promise<DatabaseAccess> {
    const { home, secrets } = this.#options;
    return databaseOf(await this.#status(), home, secrets.get('DATABASE_URL'));
  }

  async migrate(manifest: Manifest, fence: Fence, signal?: AbortSignal): Promise<{ applied: string[] }> {
    const { home } = this.#options;
    const plan = readPlan(this.place, manifest.digest);
    if (plan.migrate === undefined) return { applied: [] };
    await fence.assertHeld();
    const { url } = await this.database();
    const logPath = join(home.logs, 'migrate.log');
    const from = logSize(logPath);
    await migrate({
      release: plan.release,
      script: plan.migrate,
      env: { ...machineEnvironment(this.#options.env), ...plan.env, DATABASE_URL: url.reveal() },
      logPath,
      secrets: [url.reveal()],
      signal,
    });
    return { applied: appliedIn(lastLines(logPath, 20, from)) };
  }

  async stop(services: readonly string[], fence: Fence): Promise<void> {
    // Without a supervisor nothing of it runs: its services end with it.
    if ((await askStatus(this.#options.home)) === undefined) return;
    await fence.assertHeld();
    const { generation } = fence;
    await askHandover(this.#options.home, { act: 'stop', generation, services: [...services] });
  }

  async start(manifest: Manifest, service: string, fence: Fence): Promise<void> {
    const plan = readPlan(this.place, manifest.digest);
    await fence.assertHeld();
    const secrets = Object.fromEntries([...this.#options.secrets].map(([name, secret]) => [name, secret.reveal()]));
    const { generation } = fence;
    await askHandover(this.#options.home, { act: 'start', generation, service, plan, secrets });
  }

  async probe(manifest: Manifest, service: string): Promise<ProbeResult> {
    const status = await askStatus(this.#options.home);
    const found = status?.services.find(({ name }) => name === service);
    if (found === undefined) {
      return { ready: false, detail: status === undefined ? 'the supervisor does not answer' : 'it is not there' };
    }
    if (found.manifest_digest !== manifest.digest) return { ready: false, detail: 'it is of another release' };
    return this.#look(found, manifest.commit);
  }

  async #look(service: ServiceStatus, commit: string): Promise<ProbeResult> {
    if (service.pid === null) {
      const final = service.state === 'failed' || service.state === 'stopped';
      return { ready: false, detail: service.detail ?? service.state, ...(final ? { final } : {}) };
    }
    const answer = await probeReadiness(service.url, commit);
    if (answer === true) {
      // The supervisor looks for itself, a moment later; what a delivery called ready is ready in its status too.
      if (service.state === 'ready') return { ready: true, detail: 'ready' };
      return { ready: false, detail: `answers, and its supervisor says ${service.state}` };
    }
    const crashed = service.restarts > 0 || service.state === 'failed' ? ` (${service.detail ?? service.state})` : '';
    return { ready: false, detail: `${answer}${crashed}`, ...(service.state === 'failed' ? { final: true } : {}) };
  }

  async observe(): Promise<Observed> {
    const status = await askStatus(this.#options.home);
    if (status === undefined) return { manifestDigest: undefined, services: this.order.map(absent) };
    const services = await Promise.all(
      this.order.map(async (name): Promise<ObservedService> => {
        const found = status.services.find((service) => service.name === name);
        if (found === undefined) return absent(name);
        const commit = this.#commitOf(found.manifest_digest) ?? status.commit;
        const { ready, detail } = await this.#look(found, commit);
        return {
          service: name,
          digest: found.digest ?? undefined,
          state: found.pid === null ? 'stopped' : 'running',
          ready,
          detail,
          restarts: found.restarts,
        };
      }),
    );
    const running = new Set(
      status.services.filter(({ pid }) => pid !== null).map((service) => service.manifest_digest),
    );
    return { manifestDigest: running.size === 1 ? [...running][0] : undefined, services };
  }

  #commitOf(manifestDigest: string): string | undefined {
    try {
      return readPlan(this.place, manifestDigest).commit;
    } catch {
      return undefined;
    }
  }

  async smoke(manifest: Manifest, onProgress: OnProgress, signal?: AbortSignal): Promise<StageResult> {
    const { env, runSmoke, place } = this.#options;
    return runSmoke({
      releaseDir: readPlan(this.place, manifest.digest).release,
      urls: await this.urls(manifest),
      token: await this.token(),
      env,
      environment: place.environment,
      onProgress,
      signal: signal ?? new AbortController().signal,
    });
  }

  urls(manifest: Manifest): Promise<ServiceUrls> {
    const { services } = readPlan(this.place, manifest.digest);
    return Promise.resolve(Object.fromEntries(services.map(({ name, url }) => [name, url])));
  }

  token(): Promise<Secret | undefined> {
    return Promise.resolve(this.#options.secrets.get('API_TOKEN'));
  }

  logs(service: string, lines: number): Promise<string[]> {
    const { home, secrets } = this.#options;
    const values = [...secrets.values()].map((secret) => secret.reveal());
    const found = lastLines(join(home.logs, `${service}.log`), lines);
    return Promise.resolve(found.map((line) => readableLine(redact(line, values))));
  }

  async prune(keep: readonly Manifest[], fence: Fence): Promise<PruneResult> {
    const { home, place } = this.#options;
    await fence.assertHeld();
    const status = await askStatus(home);
    const gone = (status?.services ?? [])
      .map(({ name }) => name)
      .filter((name) => !this.order.some((kept) => kept === name));
    if (gone.length > 0) await askHandover(home, { act: 'forget', generation: fence.generation, services: gone });
    return pruneTrees(home, place, keep);
  }

  async down({ volumes }: { volumes: boolean }, fence: Fence): Promise<void> {
    await fence.assertHeld();
    const { home } = this.#options;
    await askStop(home, 'papergate stop');
    if (!volumes) return;
    await fence.assertHeld();
    removeData(home);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #status(): Promise<StagingStatus> {
    const status = await askStatus(this.#options.home);
    if (status !== undefined) return status;
    throw new ExternalError({
      code: 'NO_STAGING',
      message: `no staging runs in ${this.#options.home.dir}`,
      fix: 'start it: npx papergate ship --detach',
    });
  }
}

export const processTarget = (options: ProcessTargetOptions): DeliveryTarget => new ProcessTarget(options);

const absent = (service: string): ObservedService => ({
  service,
  digest: undefined,
  state: 'absent',
  ready: false,
  restarts: 0,
});

/** A staging may be moved only where it goes on without a terminal, and only within its own environment. */
export function refuseForeign(status: StagingStatus, place: Pick<Place, 'environment'>): void {
  if (!status.detached) {
    throw new ExternalError({
      code: 'PLACE_TAKEN',
      message: `staging of ${status.commit.slice(0, 12)} is up since ${status.since} and ends with the command that started it (supervisor: process ${status.pid})`,
      fix: 'end it there with Ctrl-C or here with "npx papergate stop"; a staging that is to be delivered over is shipped with --detach',
    });
  }
  if (status.environment === place.environment) return;
  throw new ExternalError({
    code: 'OTHER_ENVIRONMENT',
    message: `a staging of the environment ${status.environment} runs here, and ${place.environment} was asked for`,
    fix: `stop it first with "npx papergate stop", or say --environment ${status.environment}`,
  });
}

/** Names of the migrations that were applied, out of the one JSON line that they print. */
function appliedIn(lines: string[]): string[] {
  for (const line of lines.toReversed()) {
    try {
      const { applied } = JSON.parse(line) as { applied?: unknown };
      if (Array.isArray(applied)) return applied.map(String);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw new Error(`migrations: ${messageOf(error)}`, { cause: error });
    }
  }
  return [];
}
