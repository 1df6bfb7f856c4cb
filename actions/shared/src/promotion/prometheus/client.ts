import { setTimeout as delay } from 'node:timers/promises';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { fetch as undiciFetch } from 'undici';
import { ExternalError, messageOf, UserError, type EnvSource, type Secret } from '@papergate/config';
import { closeExchange, openExchange } from '../../registry/http/exchange.ts';
import { isLoopback } from '../../registry/reference.ts';

/** One series: its labels and its points, oldest first. */
export interface PrometheusSeries {
  labels: Readonly<Record<string, string>>;
  /** `t`: ms since 1970 by Prometheus' clock. A value that is no finite number is NaN or infinite here, too. */
  points: readonly { t: number; value: number }[];
}

/** Times in ms since 1970. */
export interface Range {
  from: number;
  to: number;
  /** Distance of two points. */
  step: number;
}

export interface PrometheusReader {
  /** Prometheus' own time, ms since 1970. */
  now(): Promise<number>;
  /** A query over a range of time; a point that does not exist is left out, and so is a series without any. */
  range(query: string, range: Range): Promise<PrometheusSeries[]>;
  /** Names of the alerting rules that are loaded, with the severity that they carry. */
  alertRules(): Promise<{ name: string; severity: string | undefined }[]>;
}

export interface PrometheusOptions {
  /** `https://prometheus.example.com`; may have a path and no user info. */
  url: string;
  token?: Secret | undefined;
  env: EnvSource;
  signal?: AbortSignal | undefined;
  /** For one request, ms. */
  timeoutMs?: number;
  /** Waits between tries, ms: one more try each. */
  waitsMs?: readonly number[];
}

const TIMEOUT_MS = 30_000;
const WAITS_MS = [500, 2_000];
/** Prometheus refuses more than 11 000 points a series; a long range is asked in parts. */
const MAX_POINTS = 5_000;
const MAX_BODY = 64 * 1024 * 1024;

const Sample = Type.Tuple([Type.Number(), Type.String()]);
const envelope = <T extends Parameters<typeof Type.Object>[0]>(data: T) =>
  Type.Object({
    status: Type.Literal('success'),
    data: Type.Object(data),
    warnings: Type.Optional(Type.Array(Type.String())),
  });
const MatrixSchema = envelope({
  resultType: Type.Literal('matrix'),
  result: Type.Array(Type.Object({ metric: Type.Record(Type.String(), Type.String()), values: Type.Array(Sample) })),
});
const ScalarSchema = envelope({ resultType: Type.Literal('scalar'), result: Sample });
const RulesSchema = envelope({
  groups: Type.Array(
    Type.Object({
      rules: Type.Array(
        Type.Object({
          type: Type.String(),
          name: Type.String(),
          labels: Type.Optional(Type.Record(Type.String(), Type.String())),
        }),
      ),
    }),
  ),
});

/**
 * Reads a Prometheus over its HTTP API (https://prometheus.io/docs/prometheus/latest/querying/api/).
 * All methods throw ExternalError PROMETHEUS_UNREACHABLE, PROMETHEUS_REFUSED, PROMETHEUS_PARTIAL,
 * PROMETHEUS_ANSWER_INVALID; UserError PROMETHEUS_UNAUTHORIZED, PROMETHEUS_URL_INVALID.
 */
export function openPrometheus(options: PrometheusOptions): PrometheusReader & { close(): Promise<void> } {
  const base = checkUrl(options.url);
  const { env, token, signal, timeoutMs = TIMEOUT_MS, waitsMs = WAITS_MS } = options;
  const exchange = openExchange(env, { timeoutMs, signal, now: Date.now });
  const dispatcher = isLoopback(base.host) ? exchange.local : exchange.outside;

  const once = async (path: string, form: URLSearchParams | undefined): Promise<unknown> => {
    const timeout = AbortSignal.timeout(timeoutMs);
    const answer = await undiciFetch(new URL(`api/v1/${path}`, base), {
      method: form === undefined ? 'GET' : 'POST',
      ...(form === undefined ? {} : { body: form.toString() }),
      headers: {
        accept: 'application/json',
        ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        ...(token === undefined || token.isEmpty ? {} : { authorization: `Bearer ${token.reveal()}` }),
      },
      // A redirect could carry the token elsewhere, and an answer from elsewhere is not Prometheus'.
      redirect: 'manual',
      dispatcher,
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    return readAnswer(answer.status, await readBody(answer.body), base.host);
  };
  const ask = async (path: string, form?: URLSearchParams): Promise<unknown> => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await once(path, form);
      } catch (error) {
        signal?.throwIfAborted();
        const wait = waitsMs[attempt];
        if (error instanceof UserError || (error instanceof ExternalError && error.code !== 'PROMETHEUS_UNREACHABLE'))
          throw error;
        if (wait === undefined) throw unreachable(base.host, error, attempt + 1);
        await delay(wait, undefined, { signal });
      }
    }
  };
  return {
    async now() {
      const { data } = checked(ScalarSchema, await ask('query', new URLSearchParams({ query: 'time()' })), base.host);
      return data.result[0] * 1000;
    },
    async range(query, { from, to, step }) {
      const found = new Map<string, { labels: Record<string, string>; points: { t: number; value: number }[] }>();
      for (let start = from; start <= to; start += MAX_POINTS * step) {
        const end = Math.min(to, start + (MAX_POINTS - 1) * step);
        const form = new URLSearchParams({
          query,
          start: String(start / 1000),
          end: String(end / 1000),
          step: String(step / 1000),
        });
        const { data } = checked(MatrixSchema, await ask('query_range', form), base.host);
        for (const { metric, values } of data.result) {
          const key = JSON.stringify(Object.entries(metric).sort(([a], [b]) => (a < b ? -1 : 1)));
          const series = found.get(key) ?? { labels: metric, points: [] };
          series.points.push(...values.map(([t, value]) => ({ t: t * 1000, value: numberOf(value) })));
          found.set(key, series);
        }
      }
      return [...found.values()];
    },
    async alertRules() {
      const { data } = checked(RulesSchema, await ask('rules?type=alert'), base.host);
      return data.groups.flatMap(({ rules }) =>
        rules
          .filter(({ type }) => type === 'alerting')
          .map(({ name, labels }) => ({ name, severity: labels?.['severity'] })),
      );
    },
    close: () => closeExchange(exchange),
  };
}

/** As Go prints them. */
function numberOf(text: string): number {
  const infinite = /^([+-]?)Inf$/.exec(text);
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
  return text.trim() === '' ? Number.NaN : Number(text);
}

function checkUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const problem =
    url === undefined || !['http:', 'https:'].includes(url.protocol)
      ? 'is no http or https address'
      : url.username !== '' || url.password !== ''
        ? 'holds a user or password'
        : url.search !== '' || url.hash !== ''
          ? 'has a query or fragment'
          : undefined;
  if (url !== undefined && problem === undefined) {
    url.pathname = url.pathname.replace(/\/*$/, '/');
    return url;
  }
  throw new UserError({
    code: 'PROMETHEUS_URL_INVALID',
    message: `the address of Prometheus ${problem}; allowed: https://host[:port][/path]`,
    fix: 'give prometheus-url as its own page shows it, and a token as prometheus-token',
  });
}

async function readBody(body: unknown): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of (body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > MAX_BODY) throw invalid('Prometheus', `more than ${MAX_BODY} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function readAnswer(status: number, text: string, host: string): unknown {
  if (status === 401 || status === 403) {
    throw new UserError({
      code: 'PROMETHEUS_UNAUTHORIZED',
      message: `${host} answered ${status}: it does not let this token read`,
      fix: 'give a token of it as prometheus-token',
    });
  }
  const value = parse(text);
  // 5xx and what is between us and it may go away; Prometheus' own refusals do not.
  if (status >= 500 && status !== 503) throw new Error(`it answered ${status}`);
  if (status === 503 || status === 429) throw new Error(`it answered ${status}${wordsOf(value)}`);
  if (status !== 200) {
    throw new ExternalError({
      code: 'PROMETHEUS_REFUSED',
      message: `${host} answered ${status}${wordsOf(value)}`,
      fix: 'see that prometheus-url is that of a Prometheus itself, 2.30 or newer',
    });
  }
  if (value === undefined) throw invalid(host, 'no JSON');
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const wordsOf = (value: unknown): string => {
  const { error } = (value ?? {}) as { error?: unknown };
  return typeof error === 'string' ? ` (${error.slice(0, 200)})` : '';
};

type Envelope = typeof MatrixSchema | typeof ScalarSchema | typeof RulesSchema;

function checked<T extends Envelope>(schema: T, value: unknown, host: string): Static<T> {
  if (!Value.Check(schema, value)) {
    const [error] = Value.Errors(schema, value);
    throw invalid(host, `something else than its API describes: ${error?.instancePath ?? ''} ${error?.message ?? ''}`);
  }
  const { warnings } = value as { warnings?: string[] };
  if (warnings !== undefined && warnings.length > 0) {
    throw new ExternalError({
      code: 'PROMETHEUS_PARTIAL',
      message: `${host} says that its answer is not whole: ${warnings.join('; ').slice(0, 300)}`,
      fix: 'mend what it names; half an answer opens nothing',
    });
  }
  return value;
}

const invalid = (host: string, what: string): ExternalError =>
  new ExternalError({
    code: 'PROMETHEUS_ANSWER_INVALID',
    message: `${host} sent ${what}`,
    fix: 'see that prometheus-url is that of a Prometheus itself, and nothing between changes its answers',
  });

const unreachable = (host: string, error: unknown, tries: number): ExternalError =>
  new ExternalError({
    code: 'PROMETHEUS_UNREACHABLE',
    message: `${host} did not answer (tried ${tries} times): ${messageOf(error)}`,
    fix: 'check prometheus-url, that it runs, and the network between',
    cause: error,
  });
