import { Type } from 'typebox';
import { fromMicros, HttpError, type ServiceApp, type Signal } from '@papergate/service-kit';
import { messageOf } from '@papergate/config';
import type { StrategyReport } from '../engine/engine.ts';
import type { StoredSignal } from '../outbox/store.ts';

export interface RouteDependencies {
  report: () => StrategyReport[];
  position: () => { epoch: string | undefined; n: number };
  latestSignals: (limit: number) => Promise<StoredSignal[]>;
}

const SignalQuery = Type.Object(
  { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })) },
  { additionalProperties: false },
);

export function addRoutes(app: ServiceApp, { report, position, latestSignals }: RouteDependencies): void {
  app.get('/api/v1/strategies', () => ({
    epoch: position().epoch ?? null,
    n: position().n,
    strategies: report().map(({ config, plugin, parameters, failure, symbols }) => ({
      name: config.name,
      kind: plugin,
      state: failure === undefined ? 'running' : 'stopped',
      failure: failure ?? null,
      parameters: {
        ...parameters,
        quantity: config.quantity,
        bar_ms: config.bar_ms,
        cooldown_ms: config.cooldown_ms,
      },
      symbols: Object.fromEntries(
        symbols.map((lane) => [
          lane.symbol,
          {
            bars: lane.bars,
            last_bar_end: lane.last_bar_end === null ? null : timeText(lane.last_bar_end),
            indicators: lane.indicators,
            last_signal: lane.last_signal === null ? null : signalView(lane.last_signal),
          },
        ]),
      ),
    })),
  }));

  app.get('/api/v1/signals', { schema: { querystring: SignalQuery } }, (request) =>
    readSignals(latestSignals, request.query.limit ?? 100),
  );
}

async function readSignals(
  latest: RouteDependencies['latestSignals'],
  limit: number,
): Promise<{ signals: StoredSignal[] }> {
  try {
    return { signals: await latest(limit) };
  } catch (error) {
    throw new HttpError(503, 'DATABASE_UNREACHABLE', `the signals cannot be read: ${messageOf(error)}`, {
      fix: 'try again when /health/ready is 200',
      cause: error,
    });
  }
}

const timeText = (time: number): string => new Date(time / 1000).toISOString();

function signalView(signal: Signal): Record<string, unknown> {
  return { ...signal, price: fromMicros(signal.price), event_time: timeText(signal.event_time) };
}
