import { Type, type Static } from 'typebox';
import { DecimalText, Nullable, Text } from '../docs/schemas.ts';

const PercentilesSchema = Nullable(
  Type.Object({ p50: Type.Number(), p95: Type.Number(), p99: Type.Number(), count: Type.Optional(Type.Integer()) }),
);

/** The bundle in one second. Rates are of that second; null is "not known", never zero. */
export const SampleSchema = Type.Object({
  at: Text,
  ticks_per_second: Type.Number(),
  orders_per_second: Type.Number(),
  fills_per_second: Type.Number(),
  signals_per_second: Type.Number(),
  realized_pnl: Nullable(DecimalText),
  unrealized_pnl: Nullable(DecimalText),
  tick_latency_ms: PercentilesSchema,
  order_latency_ms: PercentilesSchema,
  write_latency_ms: PercentilesSchema,
  storage_held: Type.Integer({ description: 'ticks received and not yet committed' }),
  storage_lag_ms: Nullable(Type.Number()),
});
export type Sample = Static<typeof SampleSchema>;

export const HISTORY_SECONDS = 3_600;

/** The last hour, a sample a second, in memory: what an operator looks at. Longer stretches are Prometheus' business. */
export class History {
  readonly #samples: Sample[] = [];
  #next = 0;

  add(sample: Sample): void {
    this.#samples[this.#next % HISTORY_SECONDS] = sample;
    this.#next += 1;
  }

  get last(): Sample | undefined {
    return this.#next === 0 ? undefined : this.#samples[(this.#next - 1) % HISTORY_SECONDS];
  }

  /** The last `seconds` samples, oldest first. */
  list(seconds = HISTORY_SECONDS): Sample[] {
    const count = Math.min(seconds, this.#samples.length);
    return Array.from({ length: count }, (_, at) => this.#samples[(this.#next - count + at) % HISTORY_SECONDS]!);
  }
}
