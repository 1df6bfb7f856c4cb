import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExternalError, SERVICE_NAMES, UserError } from '@papergate/config';
import type { OnProgress } from '../evidence/index.ts';
import type { Release } from '../release/index.ts';
import { checkBuildArgs, secretShape } from './args.ts';
import { engineInfo, requireBuilder, type EngineInfo } from './docker/engine.ts';
import { docker, engineUnreachable, runDocker, type DockerEnv } from './docker/run.ts';
import { pruneBuilds } from './prune.ts';
import { measureImages, type BuiltImage } from './sizes.ts';
import { BuildWords } from './words.ts';

export interface BuildSecrets {
  /** File with CA certificates that npm has to trust besides its own. Default: the file that `NODE_EXTRA_CA_CERTS` names. */
  ca?: string;
  /** An `.npmrc`, for a registry that wants a login. */
  npmrc?: string;
}
export interface BuildOptions {
  release: Pick<Release, 'dir' | 'manifest'>;
  /** Seconds since 1970: the commit's time, which every time in the images is taken from. */
  epoch: number;
  version: string;
  /** Where the source lies: the repository's URL; empty where it has none. */
  source: string;
  /** Base image, by digest. Default: the official one, as the Dockerfile has it. */
  nodeImage?: string | undefined;
  env: DockerEnv;
  /** Further build arguments; those that look like secrets are refused. */
  buildArgs?: Readonly<Record<string, string>>;
  secrets?: BuildSecrets;
  /** Nothing is taken from the engine's build cache. */
  noCache?: boolean;
  onProgress?: OnProgress;
  signal?: AbortSignal | undefined;
}
export interface BuiltImages {
  images: Record<string, BuiltImage>;
  engine: EngineInfo;
  /** As it was asked for, or `default`. */
  nodeImage: string;
  durationMs: number;
}

/** The engine ended the connection before it had said what it thinks of the build; that alone is no verdict. */
const HUNG_UP = /rpc error: code = Unavailable /;
const TRIES = 3;

const BAKE = 'compose/images/docker-bake.hcl';

/** The tag that a build leaves in the engine. */
export const localTag = (service: string, commit: string): string => `papergate/${service}:${commit}`;

/**
 * Builds the images of all services out of a release's folder. It is tried once: what fails here fails again, and
 * a build that passes at the second try is not reproducible. Only where the engine hangs up is it asked again.
 * @throws UserError BUILD_ARG_SECRET, BUILD_ARG_INVALID, BUILD_SECRET_MISSING, NO_IMAGE_RECIPE, NODE_IMAGE_INVALID;
 *   ExternalError DOCKER_MISSING, ENGINE_UNREACHABLE, ENGINE_TOO_OLD, BUILDX_MISSING, BUILDX_TOO_OLD, BUILD_FAILED
 */
export async function buildImages(options: BuildOptions): Promise<BuiltImages> {
  const { release, env, nodeImage, buildArgs = {}, secrets = {}, signal } = options;
  const started = performance.now();
  checkBuildArgs(buildArgs);
  checkNodeImage(nodeImage);
  const files = secretFiles(secrets, env);
  requireRecipe(release.dir, release.manifest.commit);
  const engine = await engineInfo(env, signal);
  requireBuilder(engine);
  const ids = await bake(options, files);
  const images = await measureImages(ids, env, signal);
  await pruneBuilds({ env, keep: [release.manifest.commit], signal });
  return {
    images,
    engine,
    nodeImage: nodeImage ?? 'default',
    durationMs: performance.now() - started,
  };
}

function checkNodeImage(image: string | undefined): void {
  if (image === undefined || /^[a-z0-9][a-z0-9.:/_-]*(?:@sha256:[0-9a-f]{64})?$/.test(image)) return;
  throw new UserError({
    code: 'NODE_IMAGE_INVALID',
    message: `the base image is ${secretShape(image) === undefined ? JSON.stringify(image.slice(0, 200)) : '(withheld)'}, which names no image`,
    fix: 'give it as repository@sha256:<64 hexadecimal digits>',
  });
}

function secretFiles(given: BuildSecrets, env: DockerEnv): { id: string; path: string }[] {
  for (const [id, path] of Object.entries(given) as [string, string | undefined][]) {
    if (path === undefined || existsSync(path)) continue;
    throw new UserError({
      code: 'BUILD_SECRET_MISSING',
      message: `the file ${path}, to be handed to the build as ${id}, does not exist`,
      fix: 'name a file that exists, or leave it out',
    });
  }
  const machine = env['NODE_EXTRA_CA_CERTS'];
  const ca = given.ca ?? (machine !== undefined && existsSync(machine) ? machine : undefined);
  return Object.entries({ ca, npmrc: given.npmrc }).flatMap(([id, path]) => (path === undefined ? [] : [{ id, path }]));
}

function requireRecipe(dir: string, commit: string): void {
  if (existsSync(join(dir, BAKE))) return;
  throw new UserError({
    code: 'NO_IMAGE_RECIPE',
    message: `commit ${commit} has no ${BAKE}: it is from before containers`,
    fix: 'ship a newer commit, or this one with --target process',
  });
}

/** Runs the build and gives the image ids by service. */
async function bake(
  options: BuildOptions,
  files: readonly { id: string; path: string }[],
): Promise<Record<string, string>> {
  const { release, epoch, version, source, nodeImage, buildArgs = {}, noCache = false, signal } = options;
  const { onProgress = () => {} } = options;
  const work = mkdtempSync(join(tmpdir(), 'papergate-build-'));
  try {
    const metadata = join(work, 'metadata.json');
    // The builder of the engine itself, whatever was chosen for other projects: its images are in the engine's store.
    const builder = (await docker(['context', 'show'], { env: options.env, signal })).trim();
    const env = {
      ...withoutBuildx(options.env),
      BUILDX_NO_DEFAULT_ATTESTATIONS: '1',
      COMMIT: release.manifest.commit,
      VERSION: version,
      SOURCE: source,
      EPOCH: String(epoch),
      ...(nodeImage === undefined ? {} : { NODE_IMAGE: nodeImage }),
    };
    const set = [
      ...files.map(({ id, path }) => `*.secrets=id=${id},src=${path}`),
      ...Object.entries(buildArgs).map(([name, value]) => `*.args.${name}=${value}`),
    ];
    const args = ['buildx', '--builder', builder, 'bake', '--progress', 'plain', '--file', BAKE];
    const command = [
      ...args,
      '--metadata-file',
      metadata,
      ...(noCache ? ['--no-cache'] : []),
      ...set.flatMap((text) => ['--set', text]),
    ];
    for (let tried = 1; ; tried += 1) {
      const words = new BuildWords(SERVICE_NAMES.length, onProgress);
      const onLine = (line: string): void => words.add(line);
      const result = await runDocker(command, { env, cwd: release.dir, signal, onLine });
      if (result.code === 0) return readIds(metadata);
      if (tried < TRIES && HUNG_UP.test(result.stderr)) continue;
      throw engineUnreachable(result.stderr) ?? failed(words, result.code);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Variables of a person's own builds that would change ours. */
function withoutBuildx(env: DockerEnv): DockerEnv {
  const foreign =
    /^(?:BUILDX_|BUILDKIT_|DOCKER_BUILDKIT$|SOURCE_DATE_EPOCH$|COMMIT$|VERSION$|SOURCE$|EPOCH$|NODE_IMAGE$)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name)));
}

function failed(words: BuildWords, code: number | undefined): ExternalError {
  const { step, lines } = words.failure();
  const said = lines.length === 0 ? '' : `:\n${lines.map((line) => `  | ${line}`).join('\n')}`;
  return new ExternalError({
    code: 'BUILD_FAILED',
    message: `docker buildx bake ended with ${code ?? 'a signal'}${step === undefined ? '' : ` in step ${step}`}${said}`,
    fix: 'mend what the step says; npm behind a proxy needs its CA (NODE_EXTRA_CA_CERTS); a base image that cannot be pulled is replaced with --node-image',
  });
}

function readIds(metadata: string): Record<string, string> {
  const found = JSON.parse(readFileSync(metadata, 'utf8')) as Record<string, Record<string, unknown> | undefined>;
  return Object.fromEntries(
    SERVICE_NAMES.map((service) => {
      // By this digest an engine knows the image, whichever of its two kinds of store it has.
      const id = found[service]?.['containerimage.digest'];
      if (typeof id !== 'string') {
        throw new ExternalError({
          code: 'BUILD_FAILED',
          message: `docker buildx bake built no image of ${service}`,
          fix: `name it in ${BAKE}`,
        });
      }
      return [service, id];
    }),
  );
}
