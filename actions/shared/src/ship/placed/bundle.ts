import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EnvSource } from '@papergate/config';
import type { Check, StageResult } from '../../evidence/index.ts';
import { budgetChecks, buildImages, commitEpoch, scanCheck, scanLayers, type BuiltImages } from '../../images/index.ts';
import { run } from '../../process/run.ts';
import { parseImage, pushStage, type PushOutcome } from '../../registry/index.ts';
import type { ImageRef } from '../../release/manifest.ts';
import { MIGRATE_ENTRY } from '../../deploy/plan.ts';
import { checkSources, entryOf, providePackages, type Release } from '../../release/index.ts';
import { machineEnvironment } from '../../supervisor/machine-env.ts';
import { brokenSources } from '../stages/build.ts';
import type { StageCall } from './kind.ts';

/** Official images, known from public use; a site without a registry names its own (compose/airgap). */
const POSTGRES_IMAGE =
  'docker.io/library/postgres:18-bookworm@sha256:1961f96e6029a02c3812d7cb329a3b03a3ac2bb067058dec17b0f5596aca9296';
const NODE_IMAGE =
  'docker.io/library/node:24-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6';

export interface BundleOptions {
  /** The checkout that holds the commit. */
  repository: string;
  /** The caller's environment, raw. */
  env: EnvSource;
  /** Base images, by digest; else PAPERGATE_NODE_IMAGE and PAPERGATE_POSTGRES_IMAGE, else the official ones. */
  nodeImage?: string | undefined;
  postgresImage?: string | undefined;
  /** Values that must be in no layer. */
  sentinels: readonly string[];
  buildArgs?: Readonly<Record<string, string>>;
}

export interface BuiltBundle {
  result: StageResult;
  built: BuiltImages;
}

/** The images of a release, built on the engine here and searched for secrets. No place is needed for it. */
export async function buildBundle(
  release: Release,
  options: BundleOptions,
  { onProgress, signal }: StageCall,
): Promise<BuiltBundle> {
  const { repository, buildArgs } = options;
  onProgress('packages');
  await providePackages(repository, release.dir, { signal, onProgress });
  onProgress('reading every source file');
  const entries = [...Object.keys(release.manifest.services).map(entryOf), MIGRATE_ENTRY];
  const { files, problems } = await checkSources(release.dir, entries, signal);
  if (problems.length > 0) throw brokenSources(problems);

  const env = dockerEnvironment(options.env);
  const built = await buildImages({
    release,
    epoch: await commitEpoch(repository, release.manifest.commit, signal),
    version: versionOf(release.dir),
    source: await sourceAddress(repository, signal),
    nodeImage: nodeImageOf(options),
    env,
    ...(buildArgs === undefined ? {} : { buildArgs }),
    onProgress: ({ message, fraction }) => onProgress(message, fraction),
    signal,
  });
  onProgress('searching every layer for secrets');
  const ids = Object.values(built.images).map(({ id }) => id);
  const scanned = scanCheck(await scanLayers(ids, { env, sentinels: options.sentinels.filter(isLong), signal }));
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
  const result: StageResult = {
    status: checks.every(({ status }) => status === 'passed') ? 'passed' : 'failed',
    checks,
    data: {
      manifest: release.manifest,
      engine: built.engine,
      node_image: built.nodeImage,
      duration_ms: Math.round(built.durationMs),
    },
  };
  return { result, built };
}

/** Pushes what was built, with its manifest, SBOM and provenance. */
export async function pushBundle(
  release: Release,
  built: BuiltImages,
  options: BundleOptions & { registry: string; signKey?: string | undefined },
  { onProgress, signal }: StageCall,
): Promise<PushOutcome> {
  const { repository, env, registry, signKey, buildArgs = {} } = options;
  const node = nodeImageOf(options) ?? NODE_IMAGE;
  const postgres = options.postgresImage ?? nonEmpty(env['PAPERGATE_POSTGRES_IMAGE']) ?? POSTGRES_IMAGE;
  const external: Record<string, ImageRef> = { postgres: parseImage(postgres) };
  return pushStage({
    manifest: release.manifest,
    releaseDir: release.dir,
    images: Object.fromEntries(Object.entries(built.images).map(([service, { id }]) => [service, id])),
    external,
    baseImages: { node: parseImage(node) },
    parameters: { NODE_IMAGE: node, ...buildArgs },
    registry,
    source: await sourceAddress(repository, signal),
    epoch: await commitEpoch(repository, release.manifest.commit, signal),
    env,
    signKey,
    onProgress: ({ message, fraction }) => onProgress(message, fraction),
    signal,
  });
}

const nodeImageOf = ({ nodeImage, env }: BundleOptions): string | undefined =>
  nodeImage ?? nonEmpty(env['PAPERGATE_NODE_IMAGE']);

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
