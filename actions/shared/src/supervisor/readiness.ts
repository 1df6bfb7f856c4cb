/** What a look at a service found: ready, or why not. */
export type Probe = (url: string, commit: string) => Promise<true | string>;

interface ReadyBody {
  ready?: boolean;
  checks?: Record<string, { ok?: boolean; detail?: string }>;
  collectors?: Record<string, { ok?: boolean; detail?: string }>;
}

/**
 * Asks `/health/ready`. A 200 counts only from the release that was started: another program on the port, or a
 * service of an older release that would not die, must not pass for it.
 */
export async function probeReadiness(url: string, commit: string): Promise<true | string> {
  try {
    const ready = await get(`${url}/health/ready`);
    const report = (await ready.json().catch(() => ({}))) as ReadyBody;
    if (ready.status !== 200) return `not ready (${ready.status})${missing(report)}`;
    const health = (await (await get(`${url}/health`)).json()) as { release?: string };
    return health.release === commit ? true : `${url} is answered by release ${health.release ?? 'unknown'}`;
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } };
    return cause?.code === undefined ? 'no answer' : `no answer (${cause.code})`;
  }
}

function get(url: string): Promise<Response> {
  return fetch(url, { signal: AbortSignal.timeout(2_000), redirect: 'error' });
}

function missing({ checks, collectors }: ReadyBody): string {
  const failed = Object.entries(checks ?? collectors ?? {}).filter(([, check]) => check.ok !== true);
  return failed.length === 0 ? '' : `: ${failed.map(([name, { detail }]) => `${name}: ${detail ?? 'no'}`).join('; ')}`;
}
