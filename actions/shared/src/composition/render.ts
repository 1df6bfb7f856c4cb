import { join } from 'node:path';
import { ExternalError, UserError, type Environment } from '@papergate/config';
import type { Host, HostResult } from '../host/types.ts';
import { canonicalJson } from '../release/manifest.ts';
import type { ComposeModel, ComposeService } from './model.ts';
import {
  composeFiles,
  INFRASTRUCTURE_SERVICES,
  MONITORING_SERVICES,
  ONE_OFFS,
  releaseProject,
  servicesOf,
} from './names.ts';

export interface RenderOptions {
  /** Where `docker compose` runs; the files lie there. It needs no engine. */
  host: Pick<Host, 'run'>;
  /** `compose/` of the release, on that host. */
  composeDir: string;
  environment: Environment;
  monitoring: boolean;
  /** Of {@link environmentOf}. */
  variables: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
}

export interface RenderedRelease {
  /** Project `<project>`: PostgreSQL, networks, volumes, monitoring. Up: `docker compose -p … -f … up -d --wait`. */
  infrastructure: ComposeModel;
  /**
   * Project `<project>-<12 of the digest>`: the services, on the networks and volumes of the infrastructure, and
   * {@link ONE_OFFS} behind a profile of their own name, for `docker compose … run --rm migrate`.
   */
  release: ComposeModel;
  /** The services in the order in which they start. */
  order: string[];
  /** The same in groups that need nothing of each other, in the order in which the groups start. */
  waves: string[][];
}

const CONFIG_TIMEOUT_MS = 30_000;

/** The whole bundle as Compose understands it, with all its files merged and every variable filled in. */
export async function composeModel(options: RenderOptions): Promise<ComposeModel> {
  const files = composeFiles(options.environment, options).flatMap((name) => ['-f', join(options.composeDir, name)]);
  const profiles = ['--profile', 'smoke'];
  const result = await options.host.run(
    'docker',
    ['compose', '--env-file', '/dev/null', ...files, ...profiles, 'config', '--format', 'json'],
    {
      env: options.variables,
      timeoutMs: CONFIG_TIMEOUT_MS,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    },
  );
  if (result.code !== 0) throw refusal(result);
  // Compose's own warnings only: a login over SSH may have words of its own.
  const warning = result.stderr.split('\n').find((line) => /level=warn|^WARN/i.test(line));
  if (warning !== undefined) throw invalid(`docker compose config warns: ${warning}`);
  return JSON.parse(result.stdout) as ComposeModel;
}

/** Renders one release of a place. The same input gives the same output, to the byte ({@link composeText}). */
export async function renderRelease(options: RenderOptions): Promise<RenderedRelease> {
  const model = await composeModel(options);
  const manifest = options.variables['PAPERGATE_MANIFEST'] ?? '';
  return splitModel(model, { environment: options.environment, manifestDigest: manifest });
}

export function splitModel(
  model: ComposeModel,
  { environment, manifestDigest }: { environment: Environment; manifestDigest: string },
): RenderedRelease {
  const lasting = new Set<string>([...INFRASTRUCTURE_SERVICES, ...MONITORING_SERVICES]);
  const own = new Set<string>([...servicesOf(environment), ...ONE_OFFS]);
  const unknown = Object.keys(model.services).filter((name) => !lasting.has(name) && !own.has(name));
  if (unknown.length > 0) {
    throw invalid(`the Compose files have services that no one knows: ${unknown.join(', ')}`);
  }
  const order = servicesOf(environment).filter((name) => model.services[name] !== undefined);
  const infrastructure = part(model, (name) => lasting.has(name));
  const release = part(model, (name) => own.has(name));
  for (const name of ONE_OFFS) {
    const service = release.services[name];
    if (service !== undefined) release.services[name] = { ...service, profiles: [name] };
  }
  return {
    infrastructure,
    release: {
      ...release,
      name: releaseProject(model.name, manifestDigest),
      networks: external(release.networks ?? {}),
      volumes: external(release.volumes ?? {}),
    },
    order,
    waves: wavesOf(release, order),
  };
}

/** JSON with sorted keys, for people to read and programs to compare. */
export function composeText(model: ComposeModel): string {
  return `${JSON.stringify(JSON.parse(canonicalJson(model)), null, 2)}\n`;
}

/** Services and what they use; what the others need of them, or they of the others, is left out. */
function part(model: ComposeModel, wanted: (name: string) => boolean): ComposeModel {
  const services = Object.fromEntries(
    Object.entries(model.services)
      .filter(([name]) => wanted(name))
      .map(([name, service]) => [name, within(service, wanted)]),
  );
  const all = Object.values(services);
  const networks = new Set(all.flatMap(({ networks: used = {} }) => Object.keys(used)));
  const secrets = new Set(all.flatMap(({ secrets: used = [] }) => used.map(({ source }) => source)));
  const volumes = new Set(
    all.flatMap(({ volumes: used = [] }) => used.filter(({ type }) => type === 'volume').map(({ source }) => source)),
  );
  return {
    name: model.name,
    services,
    networks: pick(model.networks, networks),
    volumes: pick(model.volumes, volumes),
    secrets: pick(model.secrets, secrets),
  };
}

function within(service: ComposeService, wanted: (name: string) => boolean): ComposeService {
  const { depends_on: needs = {}, ...rest } = service;
  const kept = Object.fromEntries(
    Object.entries(needs).filter(([name]) => wanted(name) && !ONE_OFFS.some((one) => one === name)),
  );
  return Object.keys(kept).length === 0 ? rest : { ...rest, depends_on: kept };
}

function pick<T>(all: Record<string, T> | undefined, names: ReadonlySet<string | undefined>): Record<string, T> {
  return Object.fromEntries(Object.entries(all ?? {}).filter(([name]) => names.has(name)));
}

function external<T extends { name: string }>(
  all: Record<string, T>,
): Record<string, { name: string; external: true }> {
  return Object.fromEntries(Object.entries(all).map(([key, { name }]) => [key, { name, external: true }]));
}

/** Kahn's order by levels: each service as early as what it waits for allows. */
export function wavesOf(model: ComposeModel, order: readonly string[]): string[][] {
  const waves: string[][] = [];
  const started = new Set<string>();
  let waiting = [...order];
  while (waiting.length > 0) {
    const needs = (name: string): string[] => Object.keys(model.services[name]?.depends_on ?? {});
    const wave = waiting.filter((name) => needs(name).every((need) => started.has(need) || !order.includes(need)));
    if (wave.length === 0) throw invalid(`these services wait for each other: ${waiting.join(', ')}`);
    waves.push(wave);
    for (const name of wave) started.add(name);
    waiting = waiting.filter((name) => !started.has(name));
  }
  return waves;
}

function invalid(message: string): UserError {
  return new UserError({ code: 'COMPOSE_INVALID', message, fix: 'correct the files in compose/ and commit' });
}

function refusal({ code, stderr }: HostResult): Error {
  const said = stderr.trim().split('\n').at(-1) ?? '';
  if (
    code === undefined ||
    code === 127 ||
    /is not a docker command|unknown shorthand flag|unknown flag/.test(stderr)
  ) {
    return new ExternalError({
      code: 'COMPOSE_MISSING',
      message: `docker compose does not run: ${said === '' ? 'it was ended' : said}`,
      fix: 'install Docker’s Compose plugin, version 2.24 or newer',
    });
  }
  return invalid(`docker compose refuses the bundle: ${said}`);
}
