import { join } from 'node:path';
import { Type, type Static } from 'typebox';
import { checkShape, parseJsonFile, UserError } from '@papergate/config';

/** Where a release's roll-out is written down, below its `config/`. */
export const ROLLOUT_CONFIG_FILE = 'rollout.production.json';

const strict = { additionalProperties: false };
const count = (description: string) => Type.Integer({ minimum: 0, maximum: 1_000_000, description });
const seconds = (minimum: number, maximum: number, description: string) =>
  Type.Number({ minimum, maximum, description });

const OrdersSchema = Type.Union([
  Type.Literal('none'),
  Type.Literal('all'),
  Type.Object({ share: Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }) }, strict),
  Type.Object({ symbols: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }) }, strict),
]);

/** `config/rollout.production.json`: in which steps a release is let at the market, and what has to hold meanwhile. */
export const RolloutConfigSchema = Type.Object(
  {
    /** In order; each lets at least as many symbols through as the one before, the first none, the last all. */
    stages: Type.Array(
      Type.Object(
        {
          name: Type.String({ pattern: '^[a-z][a-z0-9-]{0,39}$' }),
          /** `share`: so much of the symbols of the system configuration, at least one, the first by name. */
          orders: OrdersSchema,
          watch_seconds: seconds(1, 86_400, 'how long the step is watched'),
          /** Complete looks without which a watch has seen nothing. */
          least_samples: Type.Integer({ minimum: 2, maximum: 100_000 }),
        },
        strict,
      ),
      { minItems: 2, maxItems: 10 },
    ),
    sample_every_seconds: seconds(0.1, 60, 'between two looks'),
    grace_seconds: seconds(1, 600, 'how long an answer may be missing, or a service not ready'),
    /** The order scope of a step ends by itself so long after it was last renewed: what services take for `ttl_seconds`. */
    lease_seconds: Type.Integer({ minimum: 5, maximum: 3600 }),
    /** What a single step may have at most, counted over all services from its first look on. */
    limits: Type.Object(
      {
        service_restarts: count('processes that ended and were started again'),
        error_log_lines: count('lines of the level error or fatal'),
        orders_rejected: count('orders that the broker rejected'),
        orders_refused: count('orders that our own checks refused, those outside the roll-out left out'),
        orders_unknown: count('orders whose outcome had to be looked up at the broker'),
        reconciliation_differences: count('differences between the book of the broker and ours'),
        reconciliations_failed: count('comparisons with the broker that could not be made'),
        /** Seconds since the last tick; false: not looked at, for a roll-out outside trading hours. */
        market_staleness_seconds: Type.Union([Type.Literal(false), seconds(1, 86_400, 'since the last tick')]),
        /** From a valid order to its answer, 99th percentile of the step in ms; false: not looked at. */
        order_latency_p99_ms: Type.Union([Type.Literal(false), seconds(1, 60_000, 'from an order to its answer')]),
        /** Alerts of these severities must not fire, where a Prometheus runs beside the bundle; none: not looked at. */
        alert_severities: Type.Array(Type.String({ pattern: '^[a-z]+$' })),
      },
      strict,
    ),
  },
  strict,
);
export type RolloutConfig = Static<typeof RolloutConfigSchema>;
export type RolloutLimits = RolloutConfig['limits'];

/** A step, with the symbols that it comes to. */
export interface RolloutStage {
  name: string;
  symbols: 'all' | readonly string[];
  watchMs: number;
  leastSamples: number;
}

export interface RolloutPlan {
  stages: readonly RolloutStage[];
  sampleEveryMs: number;
  graceMs: number;
  leaseSeconds: number;
  limits: RolloutLimits;
}

/**
 * Reads how a release is rolled out, and works its steps out for the symbols that it trades. No value has a default.
 * @param symbols those of the release's system configuration
 * @throws UserError CONFIG_UNREADABLE, CONFIG_SYNTAX, CONFIG_INVALID
 */
export function loadRolloutPlan(configDir: string, symbols: readonly string[]): RolloutPlan {
  const file = join(configDir, ROLLOUT_CONFIG_FILE);
  return planOf(checkShape(RolloutConfigSchema, parseJsonFile(file), file), symbols, file);
}

/** @throws UserError CONFIG_INVALID */
export function planOf(config: RolloutConfig, symbols: readonly string[], file = ROLLOUT_CONFIG_FILE): RolloutPlan {
  const sorted = [...new Set(symbols)].toSorted();
  const stages = config.stages.map((stage): RolloutStage => ({
    name: stage.name,
    symbols: symbolsOf(stage, sorted, file),
    watchMs: stage.watch_seconds * 1000,
    leastSamples: stage.least_samples,
  }));
  demandSteps(stages, file);
  demandTimes(config, file);
  return {
    stages,
    sampleEveryMs: config.sample_every_seconds * 1000,
    graceMs: config.grace_seconds * 1000,
    leaseSeconds: config.lease_seconds,
    limits: config.limits,
  };
}

type StageConfig = RolloutConfig['stages'][number];

function symbolsOf({ name, orders }: StageConfig, sorted: readonly string[], file: string): 'all' | readonly string[] {
  if (orders === 'all') return 'all';
  if (orders === 'none') return [];
  if ('share' in orders) {
    const count = Math.max(1, Math.ceil(orders.share * sorted.length));
    if (count < sorted.length) return sorted.slice(0, count);
    throw invalid(
      file,
      `the step "${name}" has a share of ${orders.share}, which is all of ${sorted.length} symbols; allowed: less than all`,
      'lower the share, or take the step out',
    );
  }
  const strange = orders.symbols.filter((symbol) => !sorted.includes(symbol));
  if (strange.length === 0) return [...new Set(orders.symbols)].toSorted();
  throw invalid(
    file,
    `the step "${name}" names ${strange.join(', ')}, allowed: symbols of the system configuration (${sorted.join(', ')})`,
    'name only symbols that the release trades',
  );
}

/** From nothing to everything, never less than before: what a later step takes back an earlier one has not proven. */
function demandSteps(stages: readonly RolloutStage[], file: string): void {
  const names = stages.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalid(file, `two steps are called "${twice}"`, 'give each step a name of its own');
  const [first] = stages;
  if (first === undefined || first.symbols === 'all' || first.symbols.length > 0) {
    throw invalid(file, `the first step, "${first?.name ?? ''}", lets orders through`, 'set its orders to "none"');
  }
  for (const [index, { name, symbols }] of stages.entries()) {
    const isLast = index === stages.length - 1;
    if (isLast !== (symbols === 'all')) {
      throw invalid(
        file,
        isLast
          ? `the last step, "${name}", is not for all orders`
          : `the step "${name}" is for all orders, and not the last`,
        'let "orders": "all" be the last step, and only that',
      );
    }
    const before = stages[index - 1]?.symbols ?? [];
    if (symbols === 'all' || before === 'all') continue;
    const lost = before.filter((symbol) => !symbols.includes(symbol));
    if (lost.length === 0) continue;
    throw invalid(
      file,
      `the step "${name}" takes back ${lost.join(', ')}, which the step before it lets through`,
      'let each step have the symbols of the one before, and more',
    );
  }
}

function demandTimes(
  { stages, sample_every_seconds: every, grace_seconds: grace, lease_seconds: lease }: RolloutConfig,
  file: string,
): void {
  for (const { name, watch_seconds: watch, least_samples: least } of stages) {
    if (least * every <= watch) continue;
    throw invalid(
      file,
      `the step "${name}" wants ${least} samples in ${watch} s, one every ${every} s: at most ${Math.floor(watch / every)} can be had`,
      'raise watch_seconds, or lower least_samples or sample_every_seconds',
    );
  }
  // A scope that ran out between two looks would stop the orders of a release that is well.
  if (lease > grace + every) return;
  throw invalid(
    file,
    `lease_seconds is ${lease}, which is not more than grace_seconds (${grace}) and sample_every_seconds (${every}) together`,
    'raise lease_seconds, or lower the others',
  );
}

const invalid = (file: string, what: string, fix: string): UserError =>
  new UserError({ code: 'CONFIG_INVALID', message: `${file}: ${what}`, fix });
