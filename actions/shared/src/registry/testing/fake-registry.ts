import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyOf, serve, type TestServer } from './server.ts';

export interface FakeRegistryOptions {
  /** The referrers API of distribution-spec 1.1; registries before it have none. */
  referrersApi?: boolean;
  /** Most entries in one page of a list. */
  pageSize?: number;
  /** Some registries leave `Docker-Content-Digest` out. */
  digestHeader?: boolean;
}

interface Stored {
  bytes: Buffer;
  mediaType: string;
}
interface Repository {
  blobs: Map<string, Buffer>;
  manifests: Map<string, Stored>;
  tags: Map<string, string>;
}

const sha256 = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/**
 * A registry in memory that keeps the rules of the distribution spec which clients rely on. The table in
 * `behaviours.ts` holds it and a real one to the same.
 */
export async function startFakeRegistry(options: FakeRegistryOptions = {}): Promise<TestServer> {
  const { referrersApi = false, pageSize = 100, digestHeader = true } = options;
  const repositories = new Map<string, Repository>();
  const uploads = new Set<string>();
  const repositoryOf = (name: string): Repository => {
    const found = repositories.get(name) ?? { blobs: new Map(), manifests: new Map(), tags: new Map() };
    repositories.set(name, found);
    return found;
  };

  return await serve(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://registry');
    const body = await bodyOf(request);
    const said = (status: number, code: string): void => {
      const text = JSON.stringify({ errors: [{ code, message: code.toLowerCase().replaceAll('_', ' ') }] });
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
      response.end(request.method === 'HEAD' ? undefined : text);
    };
    const content = ({ bytes, mediaType }: Stored): void => {
      response.writeHead(200, {
        'content-type': mediaType,
        'content-length': bytes.length,
        ...(digestHeader ? { 'docker-content-digest': sha256(bytes) } : {}),
      });
      response.end(request.method === 'HEAD' ? undefined : bytes);
    };
    if (url.pathname === '/v2/') return void response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    const found = /^\/v2\/(.+)\/(manifests|blobs|tags|referrers)\/(uploads\/[^/]*|[^/]*)$/.exec(url.pathname);
    if (found === null) return said(404, 'UNSUPPORTED');
    const [, name = '', kind = '', rest = ''] = found;
    if (!/^[a-z0-9]+([._/-]+[a-z0-9]+)*$/.test(name)) return said(400, 'NAME_INVALID');
    const call = { request, response, url, body, said, content, name, rest, repository: repositoryOf(name) };
    if (kind === 'tags') return listTags(call, pageSize);
    if (kind === 'referrers') return referrersApi ? listReferrers(call) : void response.writeHead(404).end();
    if (kind === 'blobs') return blobs(call, uploads);
    return manifests(call, referrersApi);
  });
}

interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  body: Buffer;
  name: string;
  /** Path behind the kind. */
  rest: string;
  repository: Repository;
  said: (status: number, code: string) => void;
  content: (stored: Stored) => void;
}

function listTags({ response, url, name, repository, said }: Call, pageSize: number): void {
  if (repository.tags.size === 0 && repository.manifests.size === 0) return said(404, 'NAME_UNKNOWN');
  const size = Math.min(pageSize, Number(url.searchParams.get('n') ?? pageSize));
  const last = url.searchParams.get('last') ?? '';
  const all = [...repository.tags.keys()].sort().filter((tag) => tag > last);
  const tags = all.slice(0, size);
  const link = `</v2/${name}/tags/list?n=${size}&last=${tags.at(-1) ?? ''}>; rel="next"`;
  response.writeHead(200, { 'content-type': 'application/json', ...(all.length > size ? { link } : {}) });
  response.end(JSON.stringify({ name, tags }));
}

function listReferrers({ response, rest, url, repository }: Call): void {
  const wanted = url.searchParams.get('artifactType');
  const manifests = [...repository.manifests].flatMap(([digest, { bytes, mediaType }]) => {
    const { subject, artifactType, annotations } = JSON.parse(bytes.toString()) as {
      subject?: { digest: string };
      artifactType?: string;
      annotations?: Record<string, string>;
    };
    const fits = subject?.digest === rest && (wanted === null || wanted === artifactType);
    return fits ? [{ mediaType, digest, size: bytes.length, artifactType, annotations }] : [];
  });
  const type = 'application/vnd.oci.image.index.v1+json';
  response.writeHead(200, {
    'content-type': type,
    ...(wanted === null ? {} : { 'oci-filters-applied': 'artifactType' }),
  });
  response.end(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests }));
}

function blobs(call: Call, uploads: Set<string>): void {
  const { request, response, url, body, name, rest, repository, said, content } = call;
  if (rest === 'uploads/' && request.method === 'POST') {
    const id = randomUUID();
    uploads.add(id);
    return void response.writeHead(202, { location: `/v2/${name}/blobs/uploads/${id}?state=open` }).end();
  }
  if (rest.startsWith('uploads/') && request.method === 'PUT') {
    if (!uploads.has(rest.slice('uploads/'.length))) return said(404, 'BLOB_UPLOAD_UNKNOWN');
    const digest = sha256(body);
    if (url.searchParams.get('digest') !== digest) return said(400, 'DIGEST_INVALID');
    uploads.delete(rest.slice('uploads/'.length));
    repository.blobs.set(digest, body);
    return void response
      .writeHead(201, { location: `/v2/${name}/blobs/${digest}`, 'docker-content-digest': digest })
      .end();
  }
  const bytes = repository.blobs.get(rest);
  return bytes === undefined ? said(404, 'BLOB_UNKNOWN') : content({ bytes, mediaType: 'application/octet-stream' });
}

function manifests(call: Call, referrersApi: boolean): void {
  const { request, response, body, name, rest, repository, said, content } = call;
  if (request.method !== 'PUT') {
    const stored = repository.manifests.get(repository.tags.get(rest) ?? rest);
    return stored === undefined ? said(404, 'MANIFEST_UNKNOWN') : content(stored);
  }
  const digest = sha256(body);
  if (rest.startsWith('sha256:') && rest !== digest) return said(400, 'DIGEST_INVALID');
  let value: {
    config?: { digest: string };
    layers?: { digest: string }[];
    manifests?: { digest: string }[];
    subject?: { digest: string };
  };
  try {
    value = JSON.parse(body.toString()) as typeof value;
  } catch {
    return said(400, 'MANIFEST_INVALID');
  }
  const lacking = [
    ...[value.config, ...(value.layers ?? [])].filter((one) => one !== undefined && !repository.blobs.has(one.digest)),
    ...(value.manifests ?? []).filter((one) => !repository.manifests.has(one.digest)),
  ];
  if (lacking.length > 0)
    return said(400, value.manifests === undefined ? 'MANIFEST_BLOB_UNKNOWN' : 'MANIFEST_UNKNOWN');
  repository.manifests.set(digest, { bytes: body, mediaType: request.headers['content-type'] ?? '' });
  if (!rest.startsWith('sha256:')) repository.tags.set(rest, digest);
  response.writeHead(201, {
    location: `/v2/${name}/manifests/${digest}`,
    'docker-content-digest': digest,
    ...(referrersApi && value.subject !== undefined ? { 'oci-subject': value.subject.digest } : {}),
  });
  response.end();
}
