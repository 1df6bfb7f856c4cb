/** What a secret or variable of the workflows is for. Those that are not listed are a team's own; secrets are then needed. */
export interface KnownName {
  what: string;
  /** Left out: always needed. Variables: needed where the one is set and the other is not. `no`: works without. */
  needed?: 'no' | { with: string; unless?: string };
}

export const SECRETS: Readonly<Record<string, KnownName>> = {
  ALPACA_PAPER_API_KEY: { what: 'key of the Alpaca paper account (PK…)' },
  ALPACA_PAPER_API_SECRET: { what: 'its secret' },
  ALPACA_LIVE_API_KEY: { what: 'key of the Alpaca live account (AK…); in no other environment' },
  ALPACA_LIVE_API_SECRET: { what: 'its secret' },
  API_TOKEN: { what: 'token that the services of staging ask for, 32 characters or more' },
  PRODUCTION_API_TOKEN: { what: 'the same for production: another one' },
  ACCESS_TOKENS: { what: 'who else may use staging: the JSON list of "papergate token"', needed: 'no' },
  PRODUCTION_ACCESS_TOKENS: { what: 'the same for production: another list', needed: 'no' },
  STAGING_DB_PASSWORD: { what: 'password of the services’ database user' },
  GRAFANA_PASSWORD: { what: 'password of Grafana’s administrator' },
  STAGING_SSH_KEY: { what: 'private key for the machine of staging', needed: { with: 'PAPERGATE_HOST' } },
  PRODUCTION_SSH_KEY: { what: 'private key for the machine of production' },
  PROMETHEUS_SSH_KEY: {
    what: 'private key that opens a tunnel to staging’s Prometheus alone',
    needed: { with: 'PAPERGATE_HOST', unless: 'PAPERGATE_PROMETHEUS_URL' },
  },
  PROMETHEUS_TOKEN: { what: 'token for PAPERGATE_PROMETHEUS_URL, where it asks for one', needed: 'no' },
  SECRETS_READ_TOKEN: { what: 'token with environments: read, for the reminder to rotate keys', needed: 'no' },
};

export const VARIABLES: Readonly<Record<string, KnownName>> = {
  PAPERGATE_HOST: { what: 'ssh://user@host of staging; without it staging ends with the job', needed: 'no' },
  PAPERGATE_KNOWN_HOSTS: { what: 'known_hosts line of that machine', needed: { with: 'PAPERGATE_HOST' } },
  PAPERGATE_PRODUCTION_HOST: { what: 'ssh://user@host of production' },
  PAPERGATE_PRODUCTION_KNOWN_HOSTS: { what: 'known_hosts line of that machine' },
  PAPERGATE_PROMETHEUS_URL: { what: 'Prometheus of staging, where it is reached without the tunnel', needed: 'no' },
  PAPERGATE_TARGET: { what: 'compose (default) or process', needed: 'no' },
  PAPERGATE_ENVIRONMENT: { what: 'staging (default) or development', needed: 'no' },
  PAPERGATE_LOAD: { what: 'full (default), quick or none', needed: 'no' },
  PAPERGATE_REGISTRY: { what: 'where images go (default: ghcr.io/owner/name)', needed: 'no' },
  PAPERGATE_NODE_IMAGE: { what: 'base image with Node (default: node:24 of Docker Hub)', needed: 'no' },
  PAPERGATE_POSTGRES_IMAGE: { what: 'image of PostgreSQL (default: postgres:17 of Docker Hub)', needed: 'no' },
  PAPERGATE_PROJECT: { what: 'name of the Compose project (default: papergate-environment)', needed: 'no' },
  PAPERGATE_PORTS: { what: 'ports of a staging of processes, where the usual ones are taken', needed: 'no' },
  PAPERGATE_CHAOS_RUNS: { what: 'runs of chaos every night, 0 for none (default: 300)', needed: 'no' },
  PAPERGATE_TEST_PATHS: { what: 'which tests ci runs (default: all)', needed: 'no' },
};

/** The credential policy: outside production there is no live key under whatever name. */
export const LIVE_SECRET = /^ALPACA_LIVE_/;
