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

/**
 * The checks without which a smoke run proves nothing, by name. The gate asks for them, so that a release whose
 * smoke test has lost one cannot pass for one that held it.
 */
export const REQUIRED_SMOKE_CHECKS: readonly string[] = [
  ...SMOKED_SERVICES.flatMap((service) => [
    `${service}: health`,
    `${service}: ready`,
    `${service}: configuration`,
    `${service}: metrics`,
  ]),
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
