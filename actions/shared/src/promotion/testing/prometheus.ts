import type { PrometheusReader, PrometheusSeries, Range } from '../prometheus/client.ts';

const MINUTE = 60_000;

/** A bundle as Prometheus saw it, minute by minute, and what can be wrong with that. Times in ms since 1970. */
export class WatchedBundle {
  services: string[];
  /** Not scraped, or not known to Prometheus at all. */
  gaps: { service: string; from: number; to: number }[] = [];
  /** Fired for a minute, and what they are. */
  fired: { alertname: string; severity: string; at: number; service?: string }[] = [];
  /** Error lines that came up in a minute. */
  errors: { service: string; at: number; lines: number }[] = [];
  /** A service that began anew: its counters are zero again. */
  restarts: { service: string; at: number }[] = [];
  /** No series of the log's lines at all. */
  uncounted: string[] = [];
  /** Rules were not evaluated. */
  unevaluated: { from: number; to: number }[] = [];
  rules: { name: string; severity: string | undefined }[];
  /** How far its clock is ahead. */
  skew = 0;
  /** Thrown at every question. */
  broken: Error | undefined;
  readonly #now: () => number;

  constructor(services: string[], rules: string[], now: () => number) {
    this.services = services;
    this.rules = rules.map((name) => ({ name, severity: 'critical' }));
    this.#now = now;
  }

  reader(): PrometheusReader {
    const answer = async <T>(value: () => T): Promise<T> => {
      if (this.broken !== undefined) throw this.broken;
      return value();
    };
    return {
      now: () => answer(() => this.#now() + this.skew),
      alertRules: () => answer(() => this.rules),
      range: (query, range) => answer(() => this.#range(query, range)),
    };
  }

  #range(query: string, range: Range): PrometheusSeries[] {
    const times: number[] = [];
    for (let t = range.from; t <= range.to; t += range.step) times.push(t);
    if (query.startsWith('count_over_time(up{')) return this.#scrapes(times);
    if (query.startsWith('max_over_time(ALERTS{')) return this.#alerts(query, times);
    if (query.startsWith('sum(increase(prometheus_rule_evaluations_total')) return this.#evaluations(times);
    if (query.startsWith('papergate_log_lines_total{')) return this.#lines(times);
    throw new Error(`the double does not know the query ${query}`);
  }

  #isWatched(service: string, t: number): boolean {
    return !this.gaps.some((gap) => gap.service === service && t > gap.from && t < gap.to);
  }

  #scrapes(times: readonly number[]): PrometheusSeries[] {
    return this.services.map((service) => ({
      labels: { service, job: 'papergate' },
      points: times.filter((t) => this.#isWatched(service, t)).map((t) => ({ t, value: 12 })),
    }));
  }

  #alerts(query: string, times: readonly number[]): PrometheusSeries[] {
    return this.fired
      .filter(({ severity }) => query.includes(`severity="${severity}"`))
      .map(({ at, ...labels }) => ({
        labels,
        points: times.filter((t) => t >= at && t < at + MINUTE).map((t) => ({ t, value: 1 })),
      }))
      .filter(({ points }) => points.length > 0);
  }

  #evaluations(times: readonly number[]): PrometheusSeries[] {
    const points = times
      .filter((t) => !this.unevaluated.some(({ from, to }) => t > from && t < to))
      .map((t) => ({ t, value: 6 }));
    return points.length === 0 ? [] : [{ labels: {}, points }];
  }

  #lines(times: readonly number[]): PrometheusSeries[] {
    return this.services
      .filter((service) => !this.uncounted.includes(service))
      .map((service) => ({
        labels: { service, level: 'error' },
        points: times.map((t) => {
          const since = Math.max(
            -Infinity,
            ...this.restarts.filter((one) => one.service === service && one.at <= t).map(({ at }) => at),
          );
          const own = this.errors.filter((one) => one.service === service && one.at <= t && one.at >= since);
          return { t, value: own.reduce((sum, { lines }) => sum + lines, 0) };
        }),
      }));
  }
}
