import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ExternalError, messageOf } from '@papergate/config';
import { canonicalJson } from '../release/manifest.ts';

/** What a stretch of time holds: enough to tell that it was carried over whole. Times in seconds since 1970. */
export interface MetricsRange {
  from: number;
  to: number;
  step: number;
  /** Series that had a sample in it. */
  series: number;
  /** SHA-256 over the answers of {@link RANGE_QUERIES}: independent of the order in which Prometheus adds things up. */
  sha256: string;
}

/** Range queries whose answers are compared before and after. */
export const RANGE_QUERIES = [
  'count by (__name__) ({__name__!=""})',
  'min by (__name__) ({__name__!=""})',
  'max by (__name__) ({__name__!=""})',
] as const;

const POINTS = 60;
/** The interval at which everything is scraped; a finer step would show the same samples again. */
const LEAST_STEP_S = 5;
const PATIENCE_MS = 60_000;
const READY_POLL_MS = 100;

/** Prometheus's HTTP API, as far as it is needed here: https://prometheus.io/docs/prometheus/latest/querying/api/ */
export class PrometheusApi {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url.replace(/\/+$/, '');
  }

  /** Seconds since 1970 of the oldest sample; undefined where there is none. */
  async oldest(): Promise<number | undefined> {
    const text = await (await this.#fetch('GET', '/metrics')).text();
    const found = /^prometheus_tsdb_lowest_timestamp_seconds (\S+)$/m.exec(text)?.[1];
    const seconds = Number(found);
    // Without a sample it says the largest number there is.
    return Number.isFinite(seconds) && seconds > 0 && seconds < 1e12 ? seconds : undefined;
  }

  /** Its own clock, seconds since 1970: samples carry that one's time and not ours. */
  async now(): Promise<number> {
    const { result } = (await this.#data('GET', '/api/v1/query', { query: 'time()' })) as { result?: unknown };
    const seconds = Array.isArray(result) ? Number(result[1]) : NaN;
    if (Number.isFinite(seconds)) return seconds;
    throw failed('it does not say what time it is');
  }

  /** Writes everything down, what is only in memory too. @returns name of its folder below `snapshots/` */
  async snapshot(): Promise<string> {
    const { name } = (await this.#data('POST', '/api/v1/admin/tsdb/snapshot', { skip_head: 'false' })) as {
      name?: unknown;
    };
    if (typeof name === 'string' && /^[0-9A-Za-z-]+$/.test(name)) return name;
    throw failed('it names no snapshot');
  }

  async describe(from: number, to: number): Promise<MetricsRange> {
    const step = Math.max(LEAST_STEP_S, Math.ceil((to - from) / POINTS));
    const hash = createHash('sha256');
    let series = 0;
    for (const query of RANGE_QUERIES) {
      const parameters = { query, start: from.toFixed(3), end: to.toFixed(3), step: String(step) };
      const { result } = (await this.#data('GET', '/api/v1/query_range', parameters)) as { result?: unknown };
      if (!Array.isArray(result)) throw failed('its answer has no result');
      series = Math.max(series, result.length);
      // Series come in no order of their own; a line each, sorted.
      hash.update(result.map(canonicalJson).toSorted().join('\n')).update('\n\n');
    }
    return { from, to, step, series, sha256: hash.digest('hex') };
  }

  async waitUntilReady(signal?: AbortSignal): Promise<void> {
    const deadline = performance.now() + 2 * PATIENCE_MS;
    for (;;) {
      const ready = await fetch(`${this.#url}/-/ready`, { signal: AbortSignal.timeout(2_000), redirect: 'error' }).then(
        ({ ok }) => ok,
        () => false,
      );
      if (ready) return;
      signal?.throwIfAborted();
      if (performance.now() > deadline) throw failed(`it is not ready after ${(2 * PATIENCE_MS) / 1000} s`);
      await delay(READY_POLL_MS, undefined, { signal });
    }
  }

  async #data(method: 'GET' | 'POST', path: string, parameters: Record<string, string>): Promise<unknown> {
    const response = await this.#fetch(method, `${path}?${new URLSearchParams(parameters).toString()}`);
    const text = await response.text();
    let body: { status?: unknown; data?: unknown; error?: unknown } = {};
    try {
      body = JSON.parse(text) as typeof body;
    } catch {
      throw failed(`${method} ${path} answers ${response.status} and no JSON`);
    }
    if (body.status === 'success') return body.data ?? {};
    const reason = typeof body.error === 'string' ? body.error.slice(0, 200) : 'no reason given';
    const fix = /admin APIs? disabled/.test(reason) ? 'start Prometheus with --web.enable-admin-api' : undefined;
    throw failed(`${method} ${path} answers ${response.status}: ${reason}`, fix);
  }

  async #fetch(method: string, path: string): Promise<Response> {
    try {
      return await fetch(`${this.#url}${path}`, {
        method,
        signal: AbortSignal.timeout(PATIENCE_MS),
        redirect: 'error',
      });
    } catch (error) {
      throw failed(
        `${this.#url} does not answer: ${messageOf(error)}`,
        'deploy with --monitoring, or start Prometheus again',
        error,
      );
    }
  }
}

function failed(what: string, fix?: string, cause?: unknown): ExternalError {
  return new ExternalError({
    code: 'PROMETHEUS_FAILED',
    message: `Prometheus: ${what}`,
    ...(fix === undefined ? {} : { fix }),
    cause,
  });
}
