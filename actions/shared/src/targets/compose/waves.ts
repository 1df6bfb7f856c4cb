import type { Environment } from '@papergate/config';
import { servicesOf } from '../../composition/index.ts';

/** Those of one line need nothing of each other; each line needs some of the lines above it. */
const WAVES: readonly (readonly string[])[] = [
  ['paper-exchange'],
  ['market-data'],
  ['signal-bridge', 'risk-manager'],
  ['execution-engine'],
  ['orchestrator', 'observability-api'],
  ['dashboard'],
];

/** The services of an environment in the groups in which they start; a test holds them to the Compose files. */
export function wavesOf(environment: Environment): string[][] {
  const services: readonly string[] = servicesOf(environment);
  return WAVES.map((wave) => wave.filter((service) => services.includes(service))).filter(({ length }) => length > 0);
}
