import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode, ExternalError, messageOf, UserError, type EnvSource } from '@papergate/config';
import { run, type RunResult } from '../../process/run.ts';
import { canonicalJson } from '../../release/manifest.ts';
import { machineEnvironment } from '../../supervisor/machine-env.ts';

export interface Sbom {
  /** SPDX 2.3 JSON in canonical form. */
  content: Uint8Array<ArrayBuffer>;
  /** The same, taken apart. */
  document: SpdxDocument;
  /** How many packages of others are in it. */
  packages: number;
}

interface SpdxPackage {
  name: string;
  SPDXID: string;
  [key: string]: unknown;
}
interface SpdxRelationship {
  spdxElementId: string;
  relatedSpdxElement: string;
  relationshipType: string;
}
export interface SpdxDocument {
  spdxVersion: string;
  name: string;
  documentNamespace: string;
  creationInfo: { created: string; creators: string[] };
  packages: SpdxPackage[];
  relationships: SpdxRelationship[];
  documentDescribes: string[];
  [key: string]: unknown;
}

export interface SbomOptions {
  /** The release's tree: package.json, package-lock.json and the workspaces. */
  dir: string;
  commit: string;
  /** Of the commit, seconds since 1970. */
  epoch: number;
  env: EnvSource;
  signal?: AbortSignal | undefined;
}

/** What runs in the images; the workspaces of the delivery itself do not. */
const SHIPPED = ['config', 'smoke', 'services'] as const;
/** Relations that bring a package into an image: `a DEPENDENCY_OF b` means that b has a. */
const BRINGS_IN = new Set(['DEPENDENCY_OF', 'OPTIONAL_DEPENDENCY_OF', 'PREREQUISITE_FOR']);

/**
 * What the bundle is made of, as SPDX 2.3: npm's own list of the locked packages, cut down to what the
 * images hold and freed of everything that differs from run to run. The packages of the base image are in that
 * image's own SBOM; which base it was stands in the provenance.
 * @throws UserError SBOM_IMPOSSIBLE where the tree has no lock file; ExternalError SBOM_FAILED
 */
export async function makeSbom({ dir, commit, epoch, env, signal }: SbomOptions): Promise<Sbom> {
  const shipped = shippedWorkspaces(dir);
  const listed = await npmSbom(dir, env, signal);
  return reproducible(listed, shipped, commit, epoch);
}

function shippedWorkspaces(dir: string): string[] {
  const folders = SHIPPED.flatMap((top) =>
    top === 'services' && existsSync(join(dir, top))
      ? readdirSync(join(dir, top)).map((name) => join(dir, top, name))
      : [join(dir, top)],
  );
  const names = folders.flatMap((folder) => {
    const path = join(folder, 'package.json');
    if (!existsSync(path)) return [];
    const { name } = JSON.parse(readFileSync(path, 'utf8')) as { name?: unknown };
    return typeof name === 'string' ? [name] : [];
  });
  if (names.length === 0 || !existsSync(join(dir, 'package-lock.json'))) {
    throw new UserError({
      code: 'SBOM_IMPOSSIBLE',
      message: `${dir} has no ${names.length === 0 ? 'workspaces under services/' : 'package-lock.json'}, which the list of packages is made from`,
      fix: 'commit the lock file ("npm install" writes it) and build the release again',
    });
  }
  return names.sort();
}

/**
 * All packages with how they depend on each other. Without `--omit dev`: npm 11 then leaves out every package that
 * something also wants for development, though the services need it (zeromq, ws, pg-protocol, …).
 */
async function npmSbom(dir: string, env: EnvSource, signal?: AbortSignal): Promise<SpdxDocument> {
  const failed = (why: string, cause?: unknown): ExternalError =>
    new ExternalError({
      code: 'SBOM_FAILED',
      message: `npm could not list the packages of the release: ${why}`,
      fix: 'install npm 10 or newer beside Node, and check that package-lock.json fits package.json',
      cause,
    });
  let result: RunResult;
  try {
    result = await run('npm', ['sbom', '--package-lock-only', '--sbom-format', 'spdx'], {
      cwd: dir,
      env: { ...machineEnvironment(env), npm_config_update_notifier: 'false', npm_config_loglevel: 'error' },
      signal,
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw failed(errorCode(error) === 'ENOENT' ? 'it is not on the PATH' : messageOf(error), error);
  }
  if (result.code !== 0) throw failed(result.stderr.trim().slice(-400));
  try {
    return JSON.parse(result.stdout) as SpdxDocument;
  } catch (error) {
    throw failed('it did not answer with JSON', error);
  }
}

/** Keeps what the shipped workspaces reach, sorts it, and takes time and namespace from the commit. */
export function reproducible(listed: SpdxDocument, shipped: readonly string[], commit: string, epoch: number): Sbom {
  const byId = new Map(listed.packages.map((one) => [one.SPDXID, one]));
  const roots = [...byId.values()].filter(({ name }) => shipped.includes(name)).map(({ SPDXID }) => SPDXID);
  const has = new Map<string, string[]>();
  for (const { spdxElementId, relatedSpdxElement, relationshipType } of listed.relationships) {
    if (!BRINGS_IN.has(relationshipType)) continue;
    has.set(relatedSpdxElement, [...(has.get(relatedSpdxElement) ?? []), spdxElementId]);
  }
  const reached = new Set<string>();
  const open = [...roots];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (reached.has(id)) continue;
    reached.add(id);
    open.push(...(has.get(id) ?? []));
  }
  const packages = [...reached].flatMap((id) => byId.get(id) ?? []).sort((a, b) => (a.SPDXID < b.SPDXID ? -1 : 1));
  const kept = new Set(packages.map(({ SPDXID }) => SPDXID));
  const relationships = [
    ...roots.map((id) => ({
      spdxElementId: 'SPDXRef-DOCUMENT',
      relatedSpdxElement: id,
      relationshipType: 'DESCRIBES',
    })),
    ...listed.relationships.filter(
      ({ spdxElementId, relatedSpdxElement }) => kept.has(spdxElementId) && kept.has(relatedSpdxElement),
    ),
  ];
  const unnamed = {
    ...listed,
    name: `papergate-${commit}`,
    documentDescribes: [...roots].sort(),
    creationInfo: { ...listed.creationInfo, created: `${new Date(epoch * 1000).toISOString().slice(0, 19)}Z` },
    packages,
    relationships: unique(relationships),
  };
  // SPDX wants a namespace that no other document has: it follows from what the document says.
  const { documentNamespace: _random, ...content }: SpdxDocument = unnamed;
  const hash = createHash('sha256').update(canonicalJson(content)).digest('hex');
  const document = { ...content, documentNamespace: `https://spdx.org/spdxdocs/papergate-${commit}-${hash}` };
  return {
    content: new TextEncoder().encode(canonicalJson(document)),
    document,
    packages: packages.filter(({ name }) => !shipped.includes(name)).length,
  };
}

function unique(relationships: readonly SpdxRelationship[]): SpdxRelationship[] {
  const byText = new Map(relationships.map((one) => [canonicalJson(one), one]));
  return [...byText.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}
