import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EnvSource } from '@papergate/config';
import type { Check, StageResult } from '../../evidence/index.ts';
import { budgetChecks, buildImages, commitEpoch, scanCheck, scanLayers, type BuiltImages } from '../../images/index.ts';
import { run } from '../../process/run.ts';
import { parseImage, parseNamespace, pushStage } from '../../registry/index.ts';
import type { ImageRef } from '../../release/manifest.ts';
import { MIGRATE_ENTRY } from '../../deploy/plan.ts';
import { checkSources, entryOf, providePackages, type Release } from '../../release/index.ts';
import { machineEnvironment } from '../../supervisor/machine-env.ts';
import { openPlace, placeSettings, registryOf, type OpenPlace } from '../place/index.ts';
import { brokenSources } from '../stages/build.ts';
import type { RunCredentials } from '../stages/validate.ts';
import type { ShipOptions, ShipPlaceOptions, ShipStages } from '../types.ts';
import type { PlaceKind, StageCall } from './kind.ts';

/** Official images, known from public use; a site without a registry names its own (compose/airgap). */
const POSTGRES_IMAGE =
  'docker.io/library/postgres:18-bookworm@sha256:1961f96e6029a02c3812d7cb329a3b03a3ac2bb067058dec17b0f5596aca9296';
const NODE_IMAGE =
  'docker.io/library/node:24-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6';

/** Images for a Docker Engine, here or behind SSH: built here, pushed to a registry, and run there by digest. */
export function composeKind(
  options: ShipOptions,
  place: ShipPlaceOptions,
  stages: ShipStages,
  runId: string,
): PlaceKind {
  return new ComposeKind(options, place, stages, runId);
}

class ComposeKind implements PlaceKind {
  readonly #options: ShipOptions;
  readonly #place: ShipPlaceOptions;
  readonly #stages: ShipStages;
  readonly #runId: string;
  #open: OpenPlace | undefined;
  #built: BuiltImages | undefined;
  #sentinels: string[] = [];

  constructor(options: ShipOptions, place: ShipPlaceOptions, stages: ShipStages, runId: string) {
    this.#options = options;
    this.#place = place;
    this.#stages = stages;
    this.#runId = runId;
  }

  async open(release: Release, credentials: RunCredentials): Promise<OpenPlace> {
    const { repository, home, env, signal, ports } = this.#options;
    const { choice, registry, monitoring, requireSignature } = this.#place;
    this.#sentinels = [...credentials.secrets.values()].map((secret) => secret.reveal());
    const settings = placeSettings({
      monitoring,
      requireSignature,
      // A place keeps the ports that it has.
      ports: ports === 'free' ? ports : undefined,
    });
    const next = (): Promise<Release['manifest']> => Promise.resolve(release.manifest);
    const open = await openPlace({
      choice,
      repository,
      home,
      env,
      stages: this.#stages,
      signal,
      settings,
      next,
      runId: this.#runId,
    });
    open.settings.registry = await registryOf(open, this.#options, registry);
    parseNamespace(open.settings.registry);
    return (this.#open = open);
  }

  async build(release: Release, { onProgress, signal }: StageCall): Promise<StageResult> {
    const { repository } = this.#options;
    onProgress('packages');
    await providePackages(repository, release.dir, { signal, onProgress });
    onProgress('reading every source file');
    const entries = [...Object.keys(release.manifest.services).map(entryOf), MIGRATE_ENTRY];
    const { files, problems } = await checkSources(release.dir, entries, signal);
    if (problems.length > 0) throw brokenSources(problems);

    const env = dockerEnvironment(this.#options.env);
    const built = await buildImages({
      release,
      epoch: await commitEpoch(repository, release.manifest.commit, signal),
      version: versionOf(release.dir),
      source: await sourceAddress(repository, signal),
      nodeImage: this.#nodeImage,
      env,
      onProgress: ({ message, fraction }) => onProgress(message, fraction),
      signal,
    });
    this.#built = built;
    onProgress('searching every layer for secrets');
    const ids = Object.values(built.images).map(({ id }) => id);
    const scanned = scanCheck(await scanLayers(ids, { env, sentinels: this.#sentinels.filter(isLong), signal }));
    const checks: Check[] = [
      { name: 'source files load', status: 'passed', observed: files, unit: 'files' },
      ...Object.entries(built.images).map(([service, { id }]) => ({
        name: `image ${service}`,
        status: 'passed' as const,
        observed: id,
      })),
      ...budgetChecks(built.images),
      scanned,
    ];
    return {
      status: checks.every(({ status }) => status === 'passed') ? 'passed' : 'failed',
      checks,
      data: {
        manifest: release.manifest,
        engine: built.engine,
        node_image: built.nodeImage,
        duration_ms: Math.round(built.durationMs),
      },
    };
  }

  async push(release: Release, { onProgress, signal }: StageCall): ReturnType<PlaceKind['push']> {
    const { repository, env } = this.#options;
    const open = this.#open;
    const built = this.#built;
    if (open?.settings.registry === undefined || built === undefined) throw new Error('nothing was built');
    const node = this.#nodeImage ?? NODE_IMAGE;
    const postgres = this.#place.postgresImage ?? nonEmpty(env['PAPERGATE_POSTGRES_IMAGE']) ?? POSTGRES_IMAGE;
    const external: Record<string, ImageRef> = { postgres: parseImage(postgres) };
    const { result, manifest } = await pushStage({
      manifest: release.manifest,
      releaseDir: release.dir,
      images: Object.fromEntries(Object.entries(built.images).map(([service, { id }]) => [service, id])),
      external,
      baseImages: { node: parseImage(node) },
      parameters: { NODE_IMAGE: node },
      registry: open.settings.registry,
      source: await sourceAddress(repository, signal),
      epoch: await commitEpoch(repository, release.manifest.commit, signal),
      env,
      signKey: this.#place.signKey,
      onProgress: ({ message, fraction }) => onProgress(message, fraction),
      signal,
    });
    return { result, manifest };
  }

  get #nodeImage(): string | undefined {
    return this.#place.nodeImage ?? nonEmpty(this.#options.env['PAPERGATE_NODE_IMAGE']);
  }
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

/** Shorter ones would be found by chance. */
const isLong = (text: string): boolean => text.length >= 6;

/** What the docker command needs of the caller's environment; no secret of a service is handed to a build. */
function dockerEnvironment(env: EnvSource): Record<string, string> {
  const own = Object.entries(env).filter(([name]) => /^(?:DOCKER_|BUILDKIT_|XDG_|SSH_AUTH_SOCK$)/.test(name));
  const proxies = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'].map((name) => [name, env[name]] as const);
  const all = [...own, ...proxies].filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...machineEnvironment(env), ...Object.fromEntries(all) };
}

function versionOf(dir: string): string {
  const { version } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as { version?: unknown };
  return typeof version === 'string' ? version : '0.0.0';
}

/** Where the source lies, as people open it: without user, password or `.git`; empty where there is no remote. */
async function sourceAddress(repository: string, signal: AbortSignal): Promise<string> {
  const { code, stdout } = await run('git', ['-C', repository, 'remote', 'get-url', 'origin'], { signal });
  return code === 0 ? addressOf(stdout.trim()) : '';
}

/** `git@host:owner/name.git`, `https://user:token@host/owner/name` → `https://host/owner/name`; a path on this machine → nothing. */
export function addressOf(remote: string): string {
  const found =
    /^(?:https?:\/\/|ssh:\/\/)?(?:[^@/\s]*@)?([\w.-]+\.[a-z]{2,})(?::\d+(?=\/))?[/:]([\w./-]+?)(?:\.git)?\/?$/i.exec(
      remote,
    );
  return found?.[1] === undefined || found[2] === undefined ? '' : `https://${found[1].toLowerCase()}/${found[2]}`;
}
