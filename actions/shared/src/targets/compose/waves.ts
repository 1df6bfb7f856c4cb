import type { Environment } from '@papergate/config';
import { servicesOf } from '../../composition/index.ts';

/**
 * Those of one line start together once the lines above are ready, and go down before the lines above do.
 *
 * A service connects to the others by itself, whenever they are there, and is not ready before: within a line the
 * order is kept by readiness. What counts is how long order intake is away, from the end of orchestrator to its
 * readiness: what it does not need comes last and goes first, the order writer starts when everything that it asks is
 * ready, and the front door, which takes no order before the writer is ready, starts its program meanwhile.
 */
const WAVES: readonly (readonly string[])[] = [
  ['paper-exchange', 'market-data', 'signal-bridge', 'risk-manager'],
  ['execution-engine', 'orchestrator'],
  ['observability-api', 'dashboard'],
];

/** One after the other, when they go down together: nobody hands the writer orders any more when it is asked to end. */
const DRAINED: readonly string[] = ['orchestrator', 'execution-engine'];

/** Services that are to stop, in the groups in which they do. */
export function drainGroups(services: readonly string[]): string[][] {
  const last = services.filter((service) => !DRAINED.includes(service));
  const first = DRAINED.filter((service) => services.includes(service)).map((service) => [service]);
  return [...first, last].filter(({ length }) => length > 0);
}

/** The services of an environment in the groups in which they start; a test holds them to the Compose files. */
export function wavesOf(environment: Environment): string[][] {
  const services: readonly string[] = servicesOf(environment);
  return WAVES.map((wave) => wave.filter((service) => services.includes(service))).filter(({ length }) => length > 0);
}
