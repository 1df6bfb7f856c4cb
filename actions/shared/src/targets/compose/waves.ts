import type { Environment } from '@papergate/config';
import { servicesOf } from '../../composition/index.ts';

/**
 * Those of one line start together once the lines above are ready, and stop together before the lines above do.
 *
 * A service connects to the others by itself, whenever they are there, and is not ready before: within a line their
 * order is kept by readiness. What counts is where order intake would otherwise wait: it is away from the stop of
 * orchestrator to its start, so what it does not need comes last and goes first, and only two things stand between:
 * the order writer may start when everything that it asks is ready, and nothing may hand it orders before it is.
 */
const WAVES: readonly (readonly string[])[] = [
  ['paper-exchange', 'market-data', 'signal-bridge', 'risk-manager'],
  ['execution-engine'],
  ['orchestrator'],
  ['observability-api', 'dashboard'],
];

/** The services of an environment in the groups in which they start; a test holds them to the Compose files. */
export function wavesOf(environment: Environment): string[][] {
  const services: readonly string[] = servicesOf(environment);
  return WAVES.map((wave) => wave.filter((service) => services.includes(service))).filter(({ length }) => length > 0);
}
