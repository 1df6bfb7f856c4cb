import { benchReplay } from '../bundle/bench.ts';

// The whole recorded day, exchange to committed rows, as fast as the bundle takes it. Its ceilings are the
// benchmarks of the parts: market-data/ and observability-api/, in the same table.
await benchReplay({
  name: 'whole day',
  speed: 0,
  figures: (proof) => [
    {
      name: 'recorded day through the whole bundle into PostgreSQL',
      value: Math.round(proof.ticks_per_second),
      unit: 'ticks/s',
      note: `${proof.ticks} ticks in ${proof.stored_seconds.toFixed(1)} s, ${proof.differences.length === 0 ? 'none lost' : 'NOT COMPLETE'}; largest backlog ${proof.largest_backlog}; ${proof.signals} signals, ${proof.fills} fills`,
    },
  ],
});
