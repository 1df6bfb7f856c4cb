import { benchReplay } from '../bundle/bench.ts';

// 15:50 to 16:00 is the busiest of 2013-10-07 (107 610 rows; its busiest second has 2126).
await benchReplay({
  name: 'busiest ten minutes',
  speed: 1,
  from: '15:50',
  to: '16:00',
  figures: (proof) => [
    {
      name: 'busiest ten minutes at their own pace',
      value: Math.round(proof.ticks_per_second),
      unit: 'ticks/s',
      note: `${proof.ticks} ticks, ${proof.differences.length === 0 ? 'none lost' : 'NOT COMPLETE'}; the last was committed ${(proof.stored_seconds - proof.sent_seconds).toFixed(1)} s after the last was sent; largest backlog ${proof.largest_backlog}`,
    },
  ],
});
