import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Environment } from '@papergate/config';
import { HttpError, PostedTickSchema, type PostedTick, type ServiceApp } from '@papergate/service-kit';
import type { TickGatherer } from './gather.ts';

const tick = Compile(PostedTickSchema);
const MAX_TICKS = 10_000;
const Posted = Type.Union([PostedTickSchema, Type.Array(PostedTickSchema, { minItems: 1, maxItems: MAX_TICKS })]);

/** `POST /api/v1/market_data`: one tick or an array; refused in production, where the market alone makes prices. */
export function tickRoutes(app: ServiceApp, gatherer: TickGatherer, environment: Environment): void {
  const accept = async (body: unknown): Promise<{ accepted: number }> => {
    if (environment === 'production') {
      throw new HttpError(
        403,
        'NOT_IN_PRODUCTION',
        'ticks cannot be posted in production: the market alone makes prices',
      );
    }
    return { accepted: await gatherer.post(requireTicks(body)) };
  };
  app.post('/api/v1/market_data', { config: { describedBody: Posted, role: 'trader' } }, (request) =>
    accept(request.body),
  );
}

export function requireTicks(body: unknown): PostedTick[] {
  if (!Array.isArray(body)) return [requireTick(body, 'the tick')];
  if (body.length === 0 || body.length > MAX_TICKS) {
    throw invalid(`the array holds ${body.length} ticks; allowed: 1 to ${MAX_TICKS}`);
  }
  return body.map((entry, at) => requireTick(entry, `tick ${at}`));
}

function requireTick(value: unknown, name: string): PostedTick {
  if (tick.Check(value)) return value;
  if (typeof value !== 'object' || value === null) throw invalid(`${name} is ${JSON.stringify(value)}, not an object`);
  const [error] = tick.Errors(value);
  const key = error?.instancePath.split('/')[1];
  if (key === undefined) {
    throw invalid(
      `${name} has keys ${Object.keys(value).join(', ')}; required: symbol, price; allowed: volume, timestamp, bid, ask`,
    );
  }
  const found = JSON.stringify((value as Record<string, unknown>)[key]).slice(0, 60);
  throw invalid(`${name}: ${key} is ${found}; ${ALLOWED[key] ?? 'that is not allowed'}`);
}

const POSITIVE = 'allowed: a number or decimal text, not negative';
const ALLOWED: Record<string, string> = {
  symbol: 'allowed: an upper-case ticker such as AAPL or BRK.B',
  price: 'allowed: a number above 0, or decimal text',
  volume: POSITIVE,
  bid: POSITIVE,
  ask: POSITIVE,
  timestamp: 'allowed: RFC 3339 text, or ms since 1970',
};

const invalid = (message: string): HttpError => new HttpError(400, 'INVALID_TICK', message);
