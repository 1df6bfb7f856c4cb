import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  loadSystemConfig,
  parseJsonFile,
  SERVICE_NAMES,
  type Environment,
  type ServiceName,
  type SystemConfig,
} from '@papergate/config';
import { freePorts } from '../net/free-port.ts';
import { canonicalJson } from '../release/manifest.ts';

export interface RenderedConfig {
  /** What services get as CONFIG_DIR. */
  dir: string;
  system: SystemConfig;
}

/**
 * Writes the configuration that a run uses: that of the release, with free ports where the caller wants them, or
 * on the ports of another configuration.
 */
export async function renderConfig(options: {
  from: string;
  into: string;
  environment: Environment;
  ports: 'default' | 'free' | SystemConfig;
}): Promise<RenderedConfig> {
  const { from, into, environment } = options;
  mkdirSync(into, { recursive: true });
  for (const name of readdirSync(from)) if (isConfiguration(name)) copyFileSync(join(from, name), join(into, name));
  if (options.ports !== 'default') {
    const own = parseJsonFile(join(from, `system.${environment}.json`)) as SystemConfig;
    const moved = options.ports === 'free' ? await moveToFreePorts(own) : moveToPortsOf(own, options.ports);
    writeFileSync(join(into, `system.${environment}.json`), `${JSON.stringify(moved, null, 2)}\n`);
  }
  return { dir: into, system: loadSystemConfig(into, environment) };
}

const isConfiguration = (name: string): boolean => /^(system|risk_limits|alerts)\b.*\.(json|toml|ya?ml)$/.test(name);

/** The same configuration on ports that nobody uses; addresses that pointed at the simulator go with it. */
async function moveToFreePorts(system: SystemConfig): Promise<SystemConfig> {
  const wanted = SERVICE_NAMES.reduce((sum, name) => sum + ('bus_port' in system.services[name] ? 2 : 1), 1);
  const ports = await freePorts(wanted);
  return movePorts(system, () => ports.pop() ?? 0);
}

/** The same configuration on the ports of another one: a release that takes another's place keeps its addresses. */
export function moveToPortsOf(system: SystemConfig, other: SystemConfig): SystemConfig {
  return movePorts(system, (name, key) =>
    name === 'database' ? other.database.port : ((other.services[name] as Record<string, unknown>)[key] as number),
  );
}

/** Whether two configurations listen on the same ports. */
export function samePorts(one: SystemConfig, other: SystemConfig): boolean {
  return canonicalJson(moveToPortsOf(one, other)) === canonicalJson(one);
}

type PortKey = 'http_port' | 'bus_port' | 'port';

function movePorts(system: SystemConfig, next: (name: ServiceName | 'database', key: PortKey) => number): SystemConfig {
  const moved = structuredClone(system);
  for (const name of SERVICE_NAMES) {
    const service = moved.services[name];
    service.http_port = next(name, 'http_port');
    if ('bus_port' in service) service.bus_port = next(name, 'bus_port');
  }
  moved.database.port = next('database', 'port');
  const before = system.services['paper-exchange'].http_port;
  const after = moved.services['paper-exchange'].http_port;
  const follow = (address: string): string => moveLoopback(address, before, after);
  moved.dry_run_broker_url = follow(moved.dry_run_broker_url);
  moved.alpaca.base_url = follow(moved.alpaca.base_url);
  moved.alpaca.trading_stream_url = follow(moved.alpaca.trading_stream_url);
  moved.alpaca.data_stream_url = follow(moved.alpaca.data_stream_url);
  return moved;
}

function moveLoopback(address: string, before: number, after: number): string {
  return address.replace(/^(\w+:\/\/(?:127\.0\.0\.1|localhost|\[::1\])):(\d+)/, (whole, host: string, port: string) =>
    Number(port) === before ? `${host}:${after}` : whole,
  );
}
