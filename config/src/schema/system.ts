import { Type, type Static, type TSchema } from 'typebox';

/** Objects refuse keys that they do not know: a misspelt key must not be silently a default. */
const Strict = <T extends Record<string, TSchema>>(properties: T, options: { description?: string } = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options });

export const ENVIRONMENTS = ['development', 'staging', 'production'] as const;
export const EnvironmentSchema = Type.Enum([...ENVIRONMENTS]);
export type Environment = (typeof ENVIRONMENTS)[number];

/** In the order in which a deploy starts them; it stops them in reverse. */
export const SERVICE_NAMES = [
  'paper-exchange',
  'market-data',
  'signal-bridge',
  'risk-manager',
  'execution-engine',
  'orchestrator',
  'observability-api',
  'dashboard',
] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

const Port = Type.Integer({ minimum: 1, maximum: 65535 });
const Host = Type.String({
  minLength: 1,
  maxLength: 253,
  pattern: '^[A-Za-z0-9.:_-]+$',
  expects: 'a host name or IP address, without scheme and port',
});
/** A non-negative decimal number as text: money and quantities are never floats. */
export const DecimalString = Type.String({
  pattern: '^(0|[1-9][0-9]*)(\\.[0-9]{1,9})?$',
  maxLength: 40,
  expects: 'a decimal number as text, not negative, such as "100" or "0.25"',
});
export const SymbolName = Type.String({
  pattern: '^[A-Z][A-Z0-9]{0,9}([./][A-Z0-9]{1,5})?$',
  expects: 'a symbol in capitals, such as "AAPL" or "BRK.B"',
});

const StreamUrl = Type.String({ pattern: '^wss?://\\S+$', expects: 'a ws or wss address' });
const DatabaseName = Type.String({
  pattern: '^[a-z][a-z0-9_]{0,62}$',
  expects: 'up to 63 lower-case letters, digits and underscores, a letter first',
});

const HttpService = Strict({ host: Host, http_port: Port });
const BusService = Strict({ host: Host, http_port: Port, bus_port: Port });

/** The plug-ins that signal-bridge brings along. */
export const STRATEGY_KINDS = ['mean_reversion', 'momentum'] as const;
export type StrategyKind = (typeof STRATEGY_KINDS)[number];

/**
 * One strategy: either a `kind` that is built in, with `window` and `threshold`, or a `plugin` with the `parameters`
 * that it asks for. What a plug-in's parameters may be, its own schema says; signal-bridge checks them when it starts.
 */
export const StrategySchema = Strict({
  name: Type.String({
    pattern: '^[a-z][a-z0-9-]{0,31}$',
    description: 'part of every client_order_id',
    expects: 'up to 32 lower-case letters, digits and dashes, a letter first',
  }),
  kind: Type.Optional(Type.Enum([...STRATEGY_KINDS])),
  plugin: Type.Optional(
    Type.String({
      pattern: '^(\\./[A-Za-z0-9][A-Za-z0-9_-]*(\\.(ts|js))?|(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*)$',
      maxLength: 214,
      description:
        'a file of services/signal-bridge/strategies ("./breakout"), or an npm package that signal-bridge depends on',
      expects: 'a file of services/signal-bridge/strategies such as "./breakout", or the name of an npm package',
    }),
  ),
  symbols: Type.Array(SymbolName, { minItems: 1, maxItems: 500, uniqueItems: true }),
  quantity: DecimalString,
  bar_ms: Type.Integer({ minimum: 10, maximum: 86_400_000, description: 'length of a bar, ms of event time' }),
  window: Type.Optional(Type.Integer({ minimum: 2, maximum: 10_000, description: 'bars of the indicator' })),
  threshold: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 100,
      description: 'mean_reversion: standard deviations from the mean; momentum: rate of change in percent',
    }),
  ),
  parameters: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description: 'what the plug-in asks for',
      expects: 'a table of the plug-in’s parameters',
    }),
  ),
  cooldown_ms: Type.Integer({ minimum: 0, maximum: 86_400_000, description: 'event time between signals of a symbol' }),
});
export type StrategyConfig = Static<typeof StrategySchema>;

export const SystemConfigSchema = Strict({
  environment: EnvironmentSchema,
  services: Strict({
    'paper-exchange': HttpService,
    'market-data': BusService,
    'signal-bridge': BusService,
    'risk-manager': BusService,
    'execution-engine': BusService,
    orchestrator: HttpService,
    'observability-api': HttpService,
    dashboard: HttpService,
  }),
  database: Strict({
    host: Host,
    port: Port,
    name: DatabaseName,
    user: DatabaseName,
    pool_size: Type.Integer({ minimum: 1, maximum: 100, description: 'connections each service may hold' }),
  }),
  alpaca: Strict({
    base_url: Type.String({
      pattern: '^https?://[^/?#\\s]+$',
      description: 'REST; ALPACA_BASE_URL wins over it',
      expects: 'an http or https address without a path',
    }),
    trading_stream_url: StreamUrl,
    data_stream_url: StreamUrl,
    feed: Type.Enum(['iex', 'sip', 'test']),
  }),
  dry_run_broker_url: Type.String({
    pattern: '^http://[^/?#\\s]+$',
    description: 'the paper-exchange that fills orders while DRY_RUN is true; loopback or a private network',
    expects: 'an http address without a path',
  }),
  symbols: Type.Array(SymbolName, { minItems: 1, maxItems: 500, uniqueItems: true }),
  strategies: Type.Array(StrategySchema, { maxItems: 50 }),
  exchange: Strict({
    source: Type.Enum(['synthetic', 'replay', 'bus'], {
      description: 'synthetic: seeded random walk; replay: LEAN tick files; bus: the live book from market-data',
    }),
    seed: Type.Integer({ minimum: 0, maximum: 4_294_967_295 }),
    ticks_per_second: Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'synthetic: over all symbols' }),
    replay_paths: Type.Array(Type.String({ minLength: 1 })),
    speed: Type.Number({
      minimum: 0,
      maximum: 1_000_000,
      description: 'replay: 1 is its own pace, 0 as fast as it is taken',
    }),
    starting_cash: DecimalString,
    rate_limit_per_minute: Type.Integer({ minimum: 0, maximum: 1_000_000, description: '0: none. Alpaca: 200' }),
  }),
  logging: Strict({ level: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']) }),
  shutdown_timeout_ms: Type.Integer({
    minimum: 100,
    maximum: 120_000,
    description: 'patience of one service at SIGTERM',
  }),
});
export type SystemConfig = Static<typeof SystemConfigSchema>;
