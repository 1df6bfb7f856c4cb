/** Count and order-independent sums of one symbol's ticks of one kind, as docs/architecture.md defines them. */
export interface Sums {
  count: number;
  price_sum: string;
  size_sum: string;
}
export type SumsBySymbol = Record<string, { trades: Sums; quotes: Sums }>;

/** One place that counts ticks. */
export interface Counted {
  place: string;
  by_symbol: SumsBySymbol;
}

/** Every way in which two places differ, in words; empty where they agree to the last share and micro. */
export function differences(a: Counted, b: Counted): string[] {
  const symbols = [...new Set([...Object.keys(a.by_symbol), ...Object.keys(b.by_symbol)])].toSorted();
  return symbols.flatMap((symbol) =>
    (['trades', 'quotes'] as const).flatMap((kind) =>
      (['count', 'price_sum', 'size_sum'] as const).flatMap((key) => {
        const left = normal(a.by_symbol[symbol]?.[kind]?.[key]);
        const right = normal(b.by_symbol[symbol]?.[kind]?.[key]);
        return left === right ? [] : [`${symbol} ${kind} ${key}: ${a.place} ${left}, ${b.place} ${right}`];
      }),
    ),
  );
}

export function totalOf({ by_symbol: bySymbol }: Counted): number {
  return Object.values(bySymbol).reduce((sum, { trades, quotes }) => sum + trades.count + quotes.count, 0);
}

/** "12.50" and "12.5" are the same sum; nothing counted is 0. */
function normal(value: number | string | undefined): string {
  const text = String(value ?? 0);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
