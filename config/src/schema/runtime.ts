import type { Secret } from '../secret.ts';
import type { Environment } from './system.ts';

/** The trading mode that `DRY_RUN` and `ALPACA_PAPER` amount to. */
export type TradingMode = 'dry-run' | 'paper' | 'live';

/** What a process reads from its environment, once, typed. Secrets also come as `<NAME>_FILE`. */
export interface RuntimeEnv {
  environment: Environment;
  dryRun: boolean;
  alpacaPaper: boolean;
  alpacaApiKey: Secret;
  alpacaSecretKey: Secret;
  /** `ALPACA_BASE_URL`, else `alpaca.base_url` of the system configuration. */
  alpacaBaseUrl: string;
  /** `DATABASE_URL`; it may carry a password, so it is a secret. */
  databaseUrl: Secret;
  /** `API_TOKEN`: the bundle's own bearer token, between services and of the delivery. Absent only in development on loopback. */
  apiToken: Secret | undefined;
  /** `ACCESS_TOKENS`: the tokens of people and programs, as hashes, for `parseAccessTokens`. */
  accessTokens: Secret | undefined;
  /** `LISTEN_HOST`: the address that HTTP and bus are bound to; absent: the configured host. `0.0.0.0` in containers. */
  listenHost?: string;
  /** `BUS_KEY_FILE`: path of the keys of this service's sockets on the bus; absent: plain sockets, in development alone. */
  busKeyFile?: string;
  logLevel: string;
  /** `RELEASE_SHA`: the commit that runs; `unreleased` when started by hand. */
  releaseSha: string;
}

export function tradingMode(env: Pick<RuntimeEnv, 'dryRun' | 'alpacaPaper'>): TradingMode {
  if (env.dryRun) return 'dry-run';
  return env.alpacaPaper ? 'paper' : 'live';
}
