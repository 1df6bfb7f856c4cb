import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadSystemConfig, SERVICE_NAMES, type Environment, type SystemConfig } from '@papergate/config';

/** Where PostgreSQL listens inside its container; the port of the configuration is the one on the host. */
export const POSTGRES_CONTAINER_PORT = 5432;

/**
 * The configuration as it holds between containers: every service under its own name, PostgreSQL as `postgres`, and the
 * addresses that meant the simulator on loopback as `paper-exchange`. The services' ports stay.
 */
export function containerConfig(system: SystemConfig): SystemConfig {
  const moved = structuredClone(system);
  for (const name of SERVICE_NAMES) moved.services[name].host = name;
  moved.database.host = 'postgres';
  moved.database.port = POSTGRES_CONTAINER_PORT;
  const port = system.services['paper-exchange'].http_port;
  const follow = (address: string): string => toSimulator(address, port);
  moved.dry_run_broker_url = follow(moved.dry_run_broker_url);
  moved.alpaca.base_url = follow(moved.alpaca.base_url);
  moved.alpaca.trading_stream_url = follow(moved.alpaca.trading_stream_url);
  moved.alpaca.data_stream_url = follow(moved.alpaca.data_stream_url);
  return moved;
}

/** Only an address of the simulator itself is moved: loopback, and its very port. */
function toSimulator(address: string, port: number): string {
  return address.replace(
    /^(https?|wss?):\/\/(?:127(?:\.\d{1,3}){3}|localhost|\[::1\]):(\d+)(?=\/|$)/,
    (whole, scheme: string, found: string) => (Number(found) === port ? `${scheme}://paper-exchange:${port}` : whole),
  );
}

/** What services read and Prometheus takes its rules from; nothing else of the folder goes into containers. */
const isConfiguration = (name: string): boolean => /^(system|risk_limits|alerts)\b.*\.(json|toml|ya?ml)$/.test(name);

/**
 * The files of a release's CONFIG_DIR in containers, by name: those of the release, its `system.<environment>.json`
 * moved between containers. Only of this environment: a container needs no other.
 * @throws UserError CONFIG_INVALID and the like, for the configuration that was given
 */
export function renderContainerConfig(options: { from: string; environment: Environment }): {
  files: ReadonlyMap<string, string>;
  system: SystemConfig;
} {
  const { from, environment } = options;
  const system = containerConfig(loadSystemConfig(from, environment));
  const others = ['development', 'staging', 'production'].filter((name) => name !== environment);
  const files = new Map<string, string>();
  for (const name of readdirSync(from).toSorted()) {
    if (!isConfiguration(name) || others.some((other) => name.includes(`.${other}.`))) continue;
    files.set(name, readFileSync(join(from, name), 'utf8'));
  }
  files.set(`system.${environment}.json`, `${JSON.stringify(system, null, 2)}\n`);
  return { files, system };
}
