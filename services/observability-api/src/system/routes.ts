import { Type } from 'typebox';
import { SERVICE_NAMES, tradingMode, type RuntimeEnv } from '@papergate/config';
import type { Readiness, ServiceApp, TradingState } from '@papergate/service-kit';
import type { ServiceCollector } from '../collectors/services.ts';
import { Nullable, Text } from '../docs/schemas.ts';
import { HISTORY_SECONDS, SampleSchema, type History } from '../history/history.ts';
import type { HostUsage } from './host.ts';

const CheckSchema = Type.Object({ ok: Type.Boolean(), detail: Type.Optional(Text) });
const HealthSchema = Type.Object({
  ready: Type.Boolean(),
  checks: Type.Record(Type.String(), CheckSchema),
  problem: Nullable(Text),
  checked_at: Text,
});
const StatusSchema = Type.Object({
  status: Type.Enum(['healthy', 'degraded']),
  environment: Text,
  trading_mode: Text,
  release: Type.Object({ sha: Text }),
  trading: Type.Object({
    state: Type.Enum(['ACTIVE', 'REDUCING', 'HALTED']),
    known: Type.Boolean(),
    reason: Text,
    since: Nullable(Text),
  }),
  services: Type.Record(Type.String(), HealthSchema),
  collectors: Type.Record(Type.String(), CheckSchema),
  as_of: Text,
});
const UsageSchema = Type.Object({
  cpu_percent: Nullable(Type.Number()),
  memory_bytes: Nullable(Type.Number()),
  heap_bytes: Nullable(Type.Number()),
  event_loop_lag_p99_ms: Nullable(Type.Number()),
  scraped_at: Text,
});
const SystemSchema = Type.Object({
  host: Type.Object({
    cores: Type.Integer(),
    load_1m: Type.Number(),
    cpu_percent: Nullable(Type.Number()),
    memory_total_bytes: Type.Number(),
    memory_free_bytes: Type.Number(),
  }),
  services: Type.Partial(Type.Record(Type.Enum([...SERVICE_NAMES]), Nullable(UsageSchema))),
  as_of: Text,
});

export interface KnownTradingState {
  state: TradingState;
  known: boolean;
  reason: string;
  since: string | null;
}

export interface SystemRoutes {
  services: ServiceCollector;
  readiness: Readiness;
  env: RuntimeEnv;
  history: History;
  trading: () => KnownTradingState;
  host: () => HostUsage;
  watched: readonly string[];
  now: () => number;
}

/** `/api/system/status`, `/api/metrics/system` and `/api/metrics/history`. */
export function systemRoutes(app: ServiceApp, routes: SystemRoutes): void {
  const { services, readiness, env, history, now } = routes;

  app.get(
    '/api/system/status',
    {
      schema: { summary: 'Every service and collector at one look', tags: ['system'], response: { 200: StatusSchema } },
    },
    async () => {
      const { ready, checks } = await readiness.report();
      const healthy = ready && [...services.health.values()].every((health) => health.ready);
      return {
        status: healthy ? ('healthy' as const) : ('degraded' as const),
        environment: env.environment,
        trading_mode: tradingMode(env),
        release: { sha: env.releaseSha },
        trading: routes.trading(),
        services: Object.fromEntries(services.health),
        collectors: checks,
        as_of: new Date(now()).toISOString(),
      };
    },
  );

  app.get(
    '/api/metrics/system',
    {
      schema: {
        summary: 'Processor, memory and event loop of the machine and of each service',
        tags: ['metrics'],
        response: { 200: SystemSchema },
      },
    },
    () => ({
      host: routes.host(),
      services: Object.fromEntries(
        routes.watched.map((name) => [name, services.usage.get(name as (typeof SERVICE_NAMES)[number]) ?? null]),
      ),
      as_of: new Date(now()).toISOString(),
    }),
  );

  app.get(
    '/api/metrics/history',
    {
      schema: {
        summary: 'A sample a second of the last hour, oldest first',
        tags: ['metrics'],
        querystring: Type.Object(
          { seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: HISTORY_SECONDS, default: HISTORY_SECONDS })) },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({ interval_ms: Type.Integer(), samples: Type.Array(SampleSchema) }) },
      },
    },
    ({ query }) => ({ interval_ms: 1_000, samples: history.list(query.seconds) }),
  );
}
