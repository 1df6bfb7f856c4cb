import { isIPv4 } from 'node:net';
import { UserError } from '@papergate/config';
import type { ImageRef } from '../release/manifest.ts';
import { run } from '../process/run.ts';

/** A repository of a registry, taken apart: `ghcr.io/owner/name`. */
export interface Repository {
  /** Host and port, as docker and its configuration name it: `docker.io`, `127.0.0.1:5000`. */
  registry: string;
  /** Path below it: `owner/name`. */
  name: string;
}

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const HOST = /^(?:\[::1\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::\d{1,5})?$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

export const isDigest = (text: string): boolean => DIGEST.test(text);

/** @throws UserError REGISTRY_INVALID where it is not `host[:port]/namespace` */
export function parseNamespace(registry: string): Repository {
  const invalid = (why: string): UserError =>
    new UserError({
      code: 'REGISTRY_INVALID',
      message: `registry "${shown(registry)}" ${why}; allowed: host[:port]/namespace, as ghcr.io/owner/name or 127.0.0.1:5000/papergate`,
      fix: 'give --registry (or PAPERGATE_REGISTRY) in that form',
    });
  if (/^[a-z]+:\/\//i.test(registry)) throw invalid('has a scheme');
  if (registry.includes('@')) throw invalid('has a digest or a user in it');
  const slash = registry.indexOf('/');
  if (slash === -1) throw invalid('has no namespace');
  const host = registry.slice(0, slash);
  const name = registry.slice(slash + 1);
  if (!looksLikeHost(host) || !HOST.test(host)) throw invalid('does not begin with a host');
  if (name !== name.toLowerCase()) throw invalid('has capitals in its namespace');
  if (!NAME.test(name) || name.length > 200) throw invalid('has a namespace that registries do not take');
  return { registry: host, name };
}

/** The repository of an image reference; without a host it is Docker Hub's, as docker takes it. */
export function parseRepository(repository: string): Repository {
  const slash = repository.indexOf('/');
  const first = slash === -1 ? '' : repository.slice(0, slash);
  const [registry, name] = looksLikeHost(first)
    ? [first, repository.slice(slash + 1)]
    : ['docker.io', slash === -1 ? `library/${repository}` : repository];
  if (!HOST.test(registry) || !NAME.test(name)) {
    throw new UserError({
      code: 'IMAGE_INVALID',
      message: `"${shown(repository)}" is not the name of a repository; allowed: [host[:port]/]path in lower case`,
      fix: 'give the image as repository@sha256:…',
    });
  }
  return { registry, name };
}

/**
 * `postgres:18@sha256:…` → repository and digest, without the tag; Docker Hub's short names are written out.
 * @throws UserError IMAGE_INVALID where it has no digest: a tag may be another image tomorrow
 */
export function parseImage(image: string): ImageRef {
  const [named = '', digest = ''] = image.split('@');
  if (!DIGEST.test(digest)) {
    throw new UserError({
      code: 'IMAGE_INVALID',
      message: `image "${shown(image)}" is not named by digest; allowed: repository@sha256:<64 hex digits>`,
      fix: 'take the digest from "docker image inspect --format {{.RepoDigests}} IMAGE" and give it',
    });
  }
  const { registry, name } = parseRepository(named.replace(/:[\w.-]+$/, ''));
  return { repository: `${registry}/${name}`, digest };
}

/** Plain http is for registries on this very machine; everything else is https. */
export function isLoopback(registry: string): boolean {
  const host = registry.replace(/:\d+$/, '');
  return host === 'localhost' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
}

/** Where a registry answers. Docker Hub has another address than its name. */
export function originOf(registry: string): string {
  if (registry === 'docker.io') return 'https://registry-1.docker.io';
  return `${isLoopback(registry) ? 'http' : 'https'}://${registry}`;
}

/**
 * `ghcr.io/<owner>/<name>` of the checkout's remote `origin`, lower-cased, as packages are named there.
 * @throws UserError REGISTRY_UNKNOWN where there is no such remote or it is not GitHub's
 */
export async function defaultRegistry(repository: string, signal?: AbortSignal): Promise<string> {
  const { code, stdout } = await run('git', ['-C', repository, 'remote', 'get-url', 'origin'], { signal });
  const found = code === 0 ? registryOfRemote(stdout.trim()) : undefined;
  if (found !== undefined) return found;
  throw new UserError({
    code: 'REGISTRY_UNKNOWN',
    message:
      code === 0
        ? 'the remote "origin" of this checkout is not on github.com, so there is no default registry for its images'
        : 'this checkout has no remote "origin", so there is no default registry for its images',
    fix: 'say where images go: --registry HOST/NAMESPACE, or PAPERGATE_REGISTRY',
  });
}

/** `git@github.com:Owner/Name.git`, `https://[…@]github.com/Owner/Name`, `ssh://git@github.com/…` → `ghcr.io/owner/name` */
export function registryOfRemote(remote: string): string | undefined {
  const found =
    /^(?:https?:\/\/(?:[^@/]*@)?github\.com(?::\d+)?\/|ssh:\/\/(?:[^@/]*@)?(?:ssh\.)?github\.com(?::\d+)?\/|(?:[\w.-]+@)?github\.com:\/?)([\w.-]+)\/([\w.-]+?)(?:\.git)?\/?$/i.exec(
      remote,
    );
  if (found === null) return undefined;
  const registry = `ghcr.io/${found[1]}/${found[2]}`.toLowerCase();
  return NAME.test(registry.slice('ghcr.io/'.length)) ? registry : undefined;
}

function looksLikeHost(part: string): boolean {
  return part === 'localhost' || part.includes('.') || part.includes(':');
}

/** Text of a caller in a message: short, and without what may be a password before an @. */
function shown(text: string): string {
  const clean = text.replace(/\/\/[^/@]*@/, '//…@');
  return clean.length > 120 ? `${clean.slice(0, 120)}…` : clean;
}
