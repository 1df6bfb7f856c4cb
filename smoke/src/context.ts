import type { Secret } from '@papergate/config';
import type { HttpClient } from './client/http.ts';
import type { Targets } from './options.ts';
import type { Runner } from './runner.ts';

/** What every group of checks works with. */
export interface Context {
  targets: Targets;
  token: Secret | undefined;
  http: HttpClient;
  runner: Runner;
  patienceMs: number;
  /** It is production: nothing is sent, and the modes are the other way round. */
  production: boolean;
  signal: AbortSignal;
  /** Tells this run's orders and ticks from all others. */
  run: { id: string; number: number };
}
