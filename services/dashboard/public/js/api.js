/** Requests to this origin. The server adds the token; the page never has it. */

export class ApiError extends Error {
  /** @param {number} status @param {{code?: string, message?: string, fix?: string}} body */
  constructor(status, body) {
    super(body.message ?? `the request failed with ${status}`);
    this.status = status;
    this.code = body.code ?? 'UNKNOWN';
    this.fix = body.fix;
    this.body = body;
  }
}

const TIMEOUT_MS = 8_000;
const STOP_TIMEOUT_MS = 45_000;

async function request(method, path, body, timeoutMs = TIMEOUT_MS) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { 'content-type': 'application/json', 'x-papergate-dashboard': '1' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      cache: 'no-store',
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    throw new ApiError(0, {
      code: 'DASHBOARD_UNREACHABLE',
      message: `the dashboard’s server does not answer (${error.name})`,
    });
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, answer);
  return answer;
}

export const getSession = () => request('GET', '/session');
export const signIn = (token) => request('POST', '/session', { token });
export const signOut = () => request('DELETE', '/session', {});
export const orchestrator = (path) => request('GET', `/api/orchestrator/${path}`);
export const observability = (path) => request('GET', `/api/observability/${path}`);
export const trip = (reason) => request('POST', '/api/orchestrator/circuit-breaker/trip', { reason });
export const reset = (reason) => request('POST', '/api/orchestrator/circuit-breaker/reset', { reason });
export const emergencyStop = (reason) =>
  request('POST', '/api/orchestrator/emergency-stop', { reason }, STOP_TIMEOUT_MS);
