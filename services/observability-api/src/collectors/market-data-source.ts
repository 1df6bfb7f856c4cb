import { ExternalError } from '@papergate/config';
import type { ServiceClient, Tick } from '@papergate/service-kit';

/** A page of ticks that market-data still keeps. */
export interface TickPage {
  /** The first number that is still kept. */
  oldest: number;
  ticks: Tick[];
}

export interface TickSource {
  /** Ticks after `after`; undefined where market-data has started anew and the epoch is gone. Throws when it cannot be asked. */
  page(epoch: string, after: number, limit: number): Promise<TickPage | undefined>;
}

/** `GET /api/v1/ticks` of market-data, which keeps the last million ticks. */
export function marketDataSource(client: ServiceClient): TickSource {
  return {
    async page(epoch, after, limit) {
      const query = new URLSearchParams({ epoch, after: String(after), limit: String(limit) });
      const { status, body } = await client.get(`/api/v1/ticks?${query.toString()}`, { timeoutMs: 10_000 });
      if (status === 404) return undefined;
      const { epoch: current, oldest, ticks } = (body ?? {}) as { epoch?: unknown; oldest?: unknown; ticks?: unknown };
      if (status !== 200 || typeof oldest !== 'number' || !Array.isArray(ticks)) {
        throw new ExternalError({ code: 'BAD_ANSWER', message: `market-data answered ${status} to GET /api/v1/ticks` });
      }
      return current === epoch ? { oldest, ticks: ticks as Tick[] } : undefined;
    },
  };
}
