/** The suites' inputs, all from the environment. A wrong one throws, so that k6 ends before it loads anything. */

export function env(name: string, fallback?: string): string {
  const found = __ENV[name];
  if (found !== undefined && found !== '') return found;
  if (fallback !== undefined) return fallback;
  throw new Error(`${name} is not set; set it to the service's base URL, for example http://127.0.0.1:8080`);
}

export function number(name: string, fallback: number): number {
  const found = Number(env(name, String(fallback)));
  if (Number.isFinite(found) && found > 0) return found;
  throw new Error(`${name} is "${__ENV[name]}", allowed: a number above 0`);
}

export function oneOf<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
  const found = env(name, fallback);
  const known = allowed.find((value) => value === found);
  if (known !== undefined) return known;
  throw new Error(`${name} is "${found}", allowed: ${allowed.join(', ')}`);
}

/** Base URL without a slash at its end. */
export function baseUrl(name: string): string {
  return env(name).replace(/\/+$/, '');
}

export function socketUrl(name: string, path: string): string {
  return `${baseUrl(name).replace(/^http/, 'ws')}${path}`;
}

export function authorization(): Record<string, string> {
  const token = env('API_TOKEN', '');
  return token === '' ? {} : { authorization: `Bearer ${token}` };
}

/** Request parameters for JSON. The answer must come within `timeoutMs`, or it counts as a failure. */
export function jsonParams(timeoutMs: number) {
  return { headers: { 'content-type': 'application/json', ...authorization() }, timeout: timeoutMs };
}

/** Symbols to trade and to send ticks of; they have to be in the bundle's configuration. */
export const symbols = env('SYMBOLS', 'AAPL,AMZN,MSFT,NVDA,SPY').split(',');
