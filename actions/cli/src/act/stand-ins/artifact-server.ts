/** The few calls of GitHub's artifact service (v4) that keep one zip a name; act has a server for them. */
import { createHash } from 'node:crypto';

interface Service {
  url: string;
  token: string;
  run: string;
  job: string;
}

/** @throws Error where the step runs without an artifact server */
export function artifactService(env: Readonly<Record<string, string | undefined>>): Service {
  const url = env['ACTIONS_RESULTS_URL'];
  const token = env['ACTIONS_RUNTIME_TOKEN'];
  if (url === undefined || token === undefined) throw new Error('there is no artifact server in this run');
  const [, payload = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { scp?: string };
  const [, run, job] = /Actions\.Results:([^: ]+):([^: ]+)/.exec(claims.scp ?? '') ?? [];
  if (run === undefined || job === undefined) throw new Error('the token of the artifact server names no run');
  return { url: url.replace(/\/?$/, '/'), token, run, job };
}

async function call(
  service: Service,
  method: string,
  fields: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const url = `${service.url}twirp/github.actions.results.api.v1.ArtifactService/${method}`;
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${service.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      workflowRunBackendId: service.run,
      workflowJobRunBackendId: service.job,
      ...fields,
    }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`the artifact server answered ${method} with ${response.status}: ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

/** @returns the artifact's number, and the digest of its zip */
export async function upload(service: Service, name: string, zip: Buffer): Promise<{ id: string; digest: string }> {
  const { signedUploadUrl } = await call(service, 'CreateArtifact', { name, version: 4 });
  const blob = String(signedUploadUrl);
  for (const [step, body] of [
    ['block', zip],
    ['blocklist', Buffer.alloc(0)],
  ] as const) {
    const response = await fetch(`${blob}&comp=${step}`, { method: 'PUT', body: new Uint8Array(body) });
    if (!response.ok) throw new Error(`the artifact server answered the upload with ${response.status}`);
  }
  const digest = createHash('sha256').update(zip).digest('hex');
  const { artifactId } = await call(service, 'FinalizeArtifact', {
    name,
    size: String(zip.length),
    hash: `sha256:${digest}`,
  });
  return { id: String(artifactId), digest };
}

/** Names of the artifacts that this run has so far. */
export async function listed(service: Service): Promise<string[]> {
  const { artifacts } = await call(service, 'ListArtifacts', {});
  const found = Array.isArray(artifacts) ? (artifacts as { name?: unknown }[]) : [];
  return found.map(({ name }) => String(name));
}

/** @throws Error where the run has no artifact of that name */
export async function download(service: Service, name: string): Promise<Buffer> {
  const names = await listed(service);
  if (!names.includes(name)) throw new Error(`this run has no artifact ${name}; it has: ${names.join(', ') || 'none'}`);
  const { signedUrl } = await call(service, 'GetSignedArtifactURL', { name });
  const response = await fetch(String(signedUrl));
  if (!response.ok) throw new Error(`the artifact server answered the download with ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}
