import { createHash } from 'node:crypto';
import type { EnvSource } from '@papergate/config';
import { ACCEPT_MANIFESTS, MEDIA, type Descriptor, type Index } from '../media.ts';
import { isDigest, originOf } from '../reference.ts';
import { RegistryFailure } from '../retry/failure.ts';
import { withRetries, type RetryOptions } from '../retry/schedule.ts';
import { RegistryAuth, type Access } from './auth.ts';
import { closeExchange, openExchange, send, type Answer, type Exchange, type Request } from './exchange.ts';

export interface ClientOptions extends Omit<RetryOptions, 'signal'> {
  /** PATH, HOME, DOCKER_CONFIG, proxies: where docker's credentials are and how the network is reached. */
  env: EnvSource;
  signal?: AbortSignal | undefined;
  /** For one request with its answer, ms. */
  timeoutMs?: number;
  /** ms since 1970. */
  now?: () => number;
}

export interface StoredManifest {
  bytes: Uint8Array;
  /** Of the bytes, computed here. */
  digest: string;
  mediaType: string;
}

export const sha256 = (bytes: Uint8Array | string): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const TIMEOUT_MS = 30_000;
/** So many pages of a list are followed; a registry with more releases than that needs its own tools. */
const MAX_PAGES = 100;

/**
 * One registry, over the OCI distribution API (https://github.com/opencontainers/distribution-spec, v1.1). Every
 * request is repeated by the table of failures; all of them may be, since content is named by its digest.
 * All methods throw RegistryFailure; `name` is the repository's path below the registry.
 */
export class RegistryClient {
  readonly registry: string;
  readonly #origin: string;
  readonly #exchange: Exchange;
  readonly #auth: RegistryAuth;
  readonly #options: ClientOptions;

  constructor(registry: string, options: ClientOptions) {
    const { env, signal, timeoutMs = TIMEOUT_MS, now = Date.now } = options;
    this.registry = registry;
    this.#options = options;
    this.#origin = originOf(registry);
    this.#exchange = openExchange(env, { timeoutMs, signal, now });
    this.#auth = new RegistryAuth(registry, env, this.#exchange, now);
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await closeExchange(this.#exchange);
  }

  /** One look whether the registry answers, once: its failure says what it wants (429 with its Retry-After, …). */
  async look(name: string): Promise<void> {
    const answer = await this.#once(name, 'pull', `${this.#origin}/v2/`, { method: 'GET' });
    if (answer.status !== 200) throw answer.failure(this.registry);
  }

  /** The manifest that a tag or digest names, without fetching it; undefined where there is none. */
  async headManifest(name: string, reference: string): Promise<Descriptor | undefined> {
    const answer = await this.#ask(name, 'pull', `manifests/${reference}`, {
      method: 'HEAD',
      headers: { accept: ACCEPT_MANIFESTS },
    });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw this.#headFailure(answer, name);
    const digest = answer.header('docker-content-digest');
    const size = Number(answer.header('content-length') ?? Number.NaN);
    // Some registries leave the digest out of HEAD: then the content itself has to say it.
    if (digest === null || !isDigest(digest) || !Number.isInteger(size)) {
      const found = await this.getManifest(name, reference);
      return found && { mediaType: found.mediaType, digest: found.digest, size: found.bytes.length };
    }
    return { mediaType: mediaTypeOf(answer), digest, size };
  }

  /** @throws RegistryFailure content where it was asked for by digest and other bytes came */
  async getManifest(name: string, reference: string): Promise<StoredManifest | undefined> {
    const answer = await this.#ask(name, 'pull', `manifests/${reference}`, {
      method: 'GET',
      headers: { accept: ACCEPT_MANIFESTS },
    });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw answer.failure(this.registry);
    const digest = sha256(answer.body);
    const claimed = isDigest(reference) ? reference : answer.header('docker-content-digest');
    if (claimed !== null && claimed !== digest) {
      throw new RegistryFailure('content', `${this.registry} sent ${digest} where it should have sent ${claimed}`);
    }
    return { bytes: answer.body, digest, mediaType: mediaTypeOf(answer) };
  }

  /** `subjectKept`: the registry has entered it in the referrers of its subject (spec: `OCI-Subject`). */
  async putManifest(
    name: string,
    reference: string,
    bytes: Uint8Array<ArrayBuffer>,
    mediaType: string,
  ): Promise<{ digest: string; subjectKept: boolean }> {
    const answer = await this.#ask(name, 'pull,push', `manifests/${reference}`, {
      method: 'PUT',
      headers: { 'content-type': mediaType },
      body: bytes,
    });
    if (answer.status !== 201 && answer.status !== 202) throw answer.failure(this.registry);
    const digest = sha256(bytes);
    const stored = answer.header('docker-content-digest');
    if (stored !== null && stored !== digest) {
      throw new RegistryFailure('content', `${this.registry} stored ${stored} where it was sent ${digest}`);
    }
    return { digest, subjectKept: answer.header('oci-subject') !== null };
  }

  /** Its size in bytes; undefined where it is not there. */
  async headBlob(name: string, digest: string): Promise<number | undefined> {
    const answer = await this.#ask(name, 'pull', `blobs/${digest}`, { method: 'HEAD' });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw this.#headFailure(answer, name);
    return Number(answer.header('content-length') ?? 0);
  }

  /** @throws RegistryFailure content where other bytes came */
  async getBlob(name: string, digest: string): Promise<Uint8Array | undefined> {
    const answer = await this.#ask(name, 'pull', `blobs/${digest}`, { method: 'GET' });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw answer.failure(this.registry);
    const found = sha256(answer.body);
    if (found !== digest) {
      throw new RegistryFailure('content', `${this.registry} sent ${found} where it should have sent ${digest}`);
    }
    return answer.body;
  }

  /** Stores a blob where it is not there yet. A session that is cut off is begun anew. */
  async putBlob(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<{ digest: string; size: number }> {
    const digest = sha256(bytes);
    if ((await this.headBlob(name, digest)) === bytes.length) return { digest, size: bytes.length };
    await this.#retrying(async () => {
      const opened = await this.#once(name, 'pull,push', `${this.#origin}/v2/${name}/blobs/uploads/`, {
        method: 'POST',
        headers: { 'content-length': '0' },
      });
      const location = opened.header('location');
      if (opened.status !== 202 || location === null) throw opened.failure(this.registry);
      const url = new URL(location, opened.url);
      url.searchParams.set('digest', digest);
      const stored = await this.#once(name, 'pull,push', url.href, {
        method: 'PUT',
        headers: { 'content-type': 'application/octet-stream' },
        body: bytes,
      });
      // A session that is gone when its content comes: not a name that does not exist.
      if (stored.status === 404) throw new RegistryFailure('upload-lost', `${this.registry} lost an upload under way`);
      if (stored.status !== 201) throw stored.failure(this.registry);
    });
    return { digest, size: bytes.length };
  }

  /** All tags, in the registry's order; undefined where there is no such repository. */
  async tags(name: string): Promise<string[] | undefined> {
    const found: string[] = [];
    let url: string | undefined = `${this.#origin}/v2/${name}/tags/list?n=1000`;
    for (let page = 0; url !== undefined && page < MAX_PAGES; page++) {
      const answer: Answer = await this.#ask(name, 'pull', url, { method: 'GET' });
      if (answer.status === 404) return undefined;
      if (answer.status !== 200) throw answer.failure(this.registry);
      const { tags } = answer.json() as { tags?: unknown };
      if (Array.isArray(tags)) found.push(...tags.filter((tag): tag is string => typeof tag === 'string'));
      url = nextPage(answer);
    }
    return found;
  }

  /**
   * What is attached to a manifest: over the referrers API, or the index under the tag schema where the registry
   * has none (spec: "Unavailable Referrers API").
   */
  async referrers(name: string, digest: string, artifactType?: string): Promise<Descriptor[]> {
    const found: Descriptor[] = [];
    let url: string | undefined = `${this.#origin}/v2/${name}/referrers/${digest}`;
    for (let page = 0; url !== undefined && page < MAX_PAGES; page++) {
      const answer: Answer = await this.#ask(name, 'pull', url, { method: 'GET', headers: { accept: MEDIA.index } });
      if (answer.status === 404) {
        found.push(...((await this.referrersIndex(name, digest))?.manifests ?? []));
        break;
      }
      if (answer.status !== 200) throw answer.failure(this.registry);
      found.push(...manifestsOf(answer.json()));
      url = nextPage(answer);
    }
    return found.filter((one) => artifactType === undefined || one.artifactType === artifactType);
  }

  /** The index of the referrers tag schema, for registries without the API. */
  async referrersIndex(name: string, digest: string): Promise<Index | undefined> {
    const stored = await this.getManifest(name, referrersTag(digest));
    if (stored === undefined) return undefined;
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder().decode(stored.bytes));
    } catch {
      value = undefined;
    }
    return { schemaVersion: 2, mediaType: MEDIA.index, manifests: manifestsOf(value) };
  }

  /** HEAD has no body to say more: what is wrong with a look can only be the name. */
  #headFailure(answer: Answer, name: string): RegistryFailure {
    if (answer.status !== 400) return answer.failure(this.registry);
    return new RegistryFailure('name-invalid', `${this.registry} does not take the name ${name} (400)`);
  }

  #ask(name: string, access: Access, path: string, request: Request): Promise<Answer> {
    const url = path.startsWith('http') ? path : `${this.#origin}/v2/${name}/${path}`;
    return this.#retrying(async () => {
      const answer = await this.#once(name, access, url, request);
      // Here, so that they are repeated; what else is not wanted is for the caller to say.
      if (answer.status === 429 || answer.status === 408 || answer.status >= 500) throw answer.failure(this.registry);
      return answer;
    });
  }

  #retrying<T>(act: () => Promise<T>): Promise<T> {
    return withRetries(act, this.#options);
  }

  async #once(name: string, access: Access, url: string, request: Request): Promise<Answer> {
    const ours = new URL(url).origin === new URL(this.#origin).origin;
    const attempt = (authorization: string | undefined): Promise<Answer> =>
      send(this.#exchange, url, {
        ...request,
        headers: { ...request.headers, ...(ours && authorization !== undefined ? { authorization } : {}) },
      });
    const first = await attempt(this.#auth.header(name, access));
    if (first.status !== 401 || !ours) return first;
    const authorization = await this.#auth.answer(first.header('www-authenticate'), name, access);
    const answer = authorization === undefined ? first : await attempt(authorization);
    if (answer.status !== 401) return answer;
    throw new RegistryFailure(
      'unauthorized',
      (await this.#auth.known())
        ? `${this.registry} refuses the login that docker's configuration has for it`
        : `${this.registry} wants a login, and docker's configuration has none for it`,
    );
  }
}

/** `sha256:abc…` → `sha256-abc…` */
export const referrersTag = (digest: string): string => digest.replace(':', '-');

function mediaTypeOf(answer: Answer): string {
  return (answer.header('content-type') ?? '').split(';')[0]?.trim() ?? '';
}

function manifestsOf(index: unknown): Descriptor[] {
  const { manifests } = (index ?? {}) as { manifests?: unknown };
  if (!Array.isArray(manifests)) return [];
  return (manifests as Partial<Descriptor>[]).filter(
    (one): one is Descriptor =>
      typeof one?.digest === 'string' && isDigest(one.digest) && typeof one.mediaType === 'string',
  );
}

/** RFC 5988: `<…>; rel="next"` */
function nextPage(answer: Answer): string | undefined {
  const found = /<([^>]+)>\s*;[^,]*\brel="?next"?/i.exec(answer.header('link') ?? '');
  return found?.[1] === undefined ? undefined : new URL(found[1], answer.url).href;
}
