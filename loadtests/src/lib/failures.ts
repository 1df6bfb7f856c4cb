import exec from 'k6/execution';

const LOUD_VUS = 5;
let told = false;

/** Says once per VU, and for a few VUs only, what went wrong: a thousand equal lines help nobody. */
export function tellFailure(what: string, response: { status: number; error?: string; body?: unknown }): void {
  if (told || exec.vu.idInTest > LOUD_VUS) return;
  told = true;
  const reason = response.error === undefined || response.error === '' ? String(response.body) : response.error;
  console.warn(`${what}: status ${response.status}, ${reason.slice(0, 300)}`);
}
