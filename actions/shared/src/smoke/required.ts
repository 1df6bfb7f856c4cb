import type { Environment } from '@papergate/config';

/** Services that every staging has; `paper-exchange` is there only where the market is simulated. */
export const SMOKED_SERVICES = [
  'market-data',
  'signal-bridge',
  'risk-manager',
  'execution-engine',
  'orchestrator',
  'observability-api',
  'dashboard',
] as const;

/** Of every service, wherever it runs. */
const OF_SERVICES = SMOKED_SERVICES.flatMap((service) => [
  `${service}: health`,
  `${service}: ready`,
  `${service}: configuration`,
  `${service}: metrics`,
]);

/**
 * The checks without which a smoke run proves nothing, by name. The gate asks for them, so that a release whose
 * smoke test has lost one cannot pass for one that held it.
 */
export const REQUIRED_SMOKE_CHECKS: readonly string[] = [
  ...OF_SERVICES,
  'dashboard: page',
  'orchestrator: reaches every service',
  'order: acknowledged',
  'order: filled',
  'order: listed',
  'order: repeated',
  'order: in the database',
  'order: counted',
  'tick: on /stream',
  'tick: on /ws/market_data',
  'tick: in the database',
  'breaker: trip',
  'breaker: orders refused',
  'breaker: reset',
  'order: position closed',
];

/** In production the smoke test only looks: what an order would do there, staging has shown. */
export const PRODUCTION_SMOKE_CHECKS: readonly string[] = [
  ...OF_SERVICES,
  'dashboard: page',
  'orchestrator: reaches every service',
  'configuration: tells no secret',
  'market data: connected',
  'breaker: known',
  'order scope: of this release',
];

export const requiredSmokeChecks = (environment: Environment | undefined): readonly string[] =>
  environment === 'production' ? PRODUCTION_SMOKE_CHECKS : REQUIRED_SMOKE_CHECKS;
