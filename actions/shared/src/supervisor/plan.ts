import type { Environment } from '@papergate/config';

/** Names of the environment variables that carry secrets; the supervisor gets them in its own environment. */
export const SECRET_NAMES = [
  'ALPACA_API_KEY',
  'ALPACA_SECRET_KEY',
  'API_TOKEN',
  'ACCESS_TOKENS',
  'DATABASE_URL',
] as const;
export type SecretName = (typeof SECRET_NAMES)[number];

export interface ServicePlan {
  name: string;
  /** The file that Node runs, relative to the release. */
  entry: string;
  /** Node's own arguments, before the file; plans of earlier releases have none. */
  node?: string[];
  /** Base URL of its HTTP side. */
  url: string;
  /** Which of the secrets it is given; it gets no others. */
  secrets: SecretName[];
  /** Given to it alone, beside what every service gets. */
  env?: Record<string, string>;
  /** Digest of its artifact in the release's manifest. */
  digest?: string;
}

export interface RestartPolicy {
  /** Pause before the first restart, ms; it doubles with each crash. */
  firstPauseMs: number;
  longestPauseMs: number;
  /** More crashes than this within `windowMs` and the service is given up. */
  limit: number;
  windowMs: number;
}

export const RESTART_POLICY: RestartPolicy = { firstPauseMs: 250, longestPauseMs: 10_000, limit: 5, windowMs: 60_000 };

/** Databases of earlier runs, told by the beginning of their names, which sort by time. */
export interface OlderDatabases {
  prefix: string;
  /** How many of them are kept, the one in use included. */
  keep: number;
}

export type DatabasePlan =
  | { kind: 'embedded'; port: number; name: string; user: string; older?: OlderDatabases }
  /** `DATABASE_URL` is in the environment and is used as it is. */
  | { kind: 'external' }
  | { kind: 'none' };

/** All that a supervisor has to know, without secrets: it lies in the run's folder for anybody to look at. */
export interface DeployPlan {
  schema: 1;
  runId: string;
  /** The state folder. */
  home: string;
  /** The folder of the release. */
  release: string;
  commit: string;
  manifestDigest: string;
  environment: Environment;
  /** The rendered configuration of this run. */
  configDir: string;
  /** The lease that the caller hands over; undefined: the supervisor takes its own. */
  leaseGeneration?: number;
  database: DatabasePlan;
  /** Brings the database to the newest schema; relative to the release. */
  migrate?: string;
  /** In the order in which they start; they stop in reverse. */
  services: ServicePlan[];
  /** Given to every service. */
  env: Record<string, string>;
  /** For all services together, ms. */
  readyTimeoutMs: number;
  /** Between SIGTERM and SIGKILL, ms. */
  stopPatienceMs: number;
  restart: RestartPolicy;
}
