import { Alpaca } from '@alpacahq/alpaca-trade-api';
import type { RunningExchange } from './start-exchange.ts';

/** Alpaca's own client, unmodified, pointed at an exchange by its `fetchApi`. It neither retries nor holds back, so that tests see each answer. */
export function officialClient(
  running: RunningExchange,
  credentials: { keyId?: string; secret?: string } = {},
): Alpaca {
  return new Alpaca({
    keyId: credentials.keyId ?? running.key,
    secret: credentials.secret ?? running.secret,
    paper: true,
    retry: false,
    rateLimit: false,
    // The client's deadline of a request whose body nobody reads (a DELETE) would hold the process for 30 s.
    timeoutMs: 0,
    fetchApi: (input: string | URL | Request, init?: RequestInit) => {
      const url = new URL(input instanceof Request ? input.url : input);
      return fetch(`${running.url}${url.pathname}${url.search}`, init);
    },
  });
}
