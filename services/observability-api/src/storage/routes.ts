import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { HttpError, PostedTickSchema, type Pool, type PostedTick, type ServiceApp } from '@papergate/service-kit';
import { Nullable, Text } from '../docs/schemas.ts';
import { latestTicks, storageStats } from './queries.ts';
import type { Uploads } from './uploads.ts';

const MAX_TICKS = 10_000;
const one = Compile(PostedTickSchema);

const StoredSchema = Type.Object({
  stored: Type.Integer(),
  epoch: Text,
  first_n: Type.Integer(),
  last_n: Type.Integer(),
});
const TickSchema = Type.Object({
  epoch: Text,
  n: Type.Integer(),
  symbol: Text,
  kind: Type.Enum(['trade', 'quote']),
  timestamp: Text,
  received_at: Text,
  price: Nullable(Text),
  size: Nullable(Text),
  bid: Nullable(Text),
  bid_size: Nullable(Text),
  ask: Nullable(Text),
  ask_size: Nullable(Text),
  posted: Type.Boolean(),
});
const SumsSchema = Type.Object({ count: Type.Integer(), price_sum: Text, size_sum: Text });
const StatsSchema = Type.Object({
  by_epoch: Type.Array(
    Type.Object({
      epoch: Text,
      count: Type.Integer(),
      min_n: Type.Integer(),
      max_n: Type.Integer(),
      missing: Type.Integer(),
      by_symbol: Type.Record(Type.String(), Type.Object({ trades: SumsSchema, quotes: SumsSchema })),
    }),
  ),
  held: Type.Integer({ description: 'ticks received and not yet committed' }),
});

export interface StorageRoutes {
  pool: Pool;
  uploads: Uploads;
  held: () => number;
}

/** `/api/storage/*`. */
export function storageRoutes(app: ServiceApp, { pool, uploads, held }: StorageRoutes): void {
  app.post(
    '/api/storage/ticks',
    {
      schema: {
        summary: 'Stores one tick or an array of at most 10 000; answers after the commit',
        tags: ['storage'],
        body: Type.Unsafe<unknown>({ anyOf: [PostedTickSchema, { type: 'array', items: PostedTickSchema }] }),
        response: { 200: StoredSchema },
      },
      config: { role: 'trader' },
      // The schema documents; checking by hand can say which tick is wrong, and costs less a request.
      validatorCompiler: () => () => true,
    },
    (request) => uploads.store(requireTicks(request.body)),
  );

  app.get(
    '/api/storage/ticks',
    {
      schema: {
        summary: 'The newest stored ticks, newest first',
        tags: ['storage'],
        querystring: Type.Object(
          {
            symbol: Type.Optional(Type.String({ minLength: 1, maxLength: 16 })),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 100 })),
          },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({ ticks: Type.Array(TickSchema) }) },
      },
    },
    async ({ query }) => ({ ticks: await latestTicks(pool, query.limit ?? 100, query.symbol) }),
  );

  app.get(
    '/api/storage/stats',
    {
      schema: {
        summary: 'Counts and sums of what is stored, per epoch and symbol: proves that nothing is missing',
        tags: ['storage'],
        querystring: Type.Object(
          { epoch: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })) },
          { additionalProperties: false },
        ),
        response: { 200: StatsSchema },
      },
    },
    async ({ query }) => ({ by_epoch: await storageStats(pool, query.epoch), held: held() }),
  );
}

function requireTicks(body: unknown): PostedTick[] {
  if (!Array.isArray(body)) return [requireTick(body, 'the tick')];
  if (body.length === 0 || body.length > MAX_TICKS) {
    throw new HttpError(400, 'INVALID_TICK', `the array holds ${body.length} ticks; allowed: 1 to ${MAX_TICKS}`);
  }
  return body.map((entry, at) => requireTick(entry, `tick ${at}`));
}

function requireTick(value: unknown, name: string): PostedTick {
  if (one.Check(value)) return value;
  const [error] = one.Errors(value);
  const at = error === undefined || error.instancePath === '' ? '' : ` at ${error.instancePath}`;
  throw new HttpError(400, 'INVALID_TICK', `${name} is wrong${at}: ${error?.message ?? 'not a tick'}`, {
    fix: 'a tick has symbol and price, and may have volume, timestamp, bid and ask',
  });
}
