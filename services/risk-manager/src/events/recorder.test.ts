import { afterEach, describe, expect, test } from '@jest/globals';
import type { Pool } from '@papergate/service-kit';
import { until } from '@papergate/service-kit/testing';
import { createRecorder, type Recorder, type RiskEvent } from './recorder.ts';

function setUp(capacity = 10_000) {
  const rows: string[] = [];
  const state = { down: false, dropped: 0, inserts: 0 };
  const recorder = createRecorder({
    pool: {
      query: ((query: { values: string[][] }) => {
        if (state.down) return Promise.reject(new Error('down'));
        state.inserts += 1;
        rows.push(...(query.values[2] ?? []));
        return Promise.resolve({ rows: [] });
      }) as unknown as Pool['query'],
    },
    logger: { warn: () => undefined },
    onDropped: (events) => {
      state.dropped += events;
    },
    now: () => 0,
    capacity,
    flushMs: 1,
  });
  return { recorder, rows, state };
}

const refusal = (code: string): RiskEvent => ({ kind: 'refusal', code, message: 'm' });
let open: Recorder[] = [];
afterEach(async () => {
  await Promise.all(open.map((recorder) => recorder.close()));
  open = [];
});

describe('risk events', () => {
  test('are written in batches, in order', async () => {
    const { recorder, rows, state } = setUp();
    open.push(recorder);
    for (let index = 0; index < 1500; index += 1) recorder.record(refusal(`R${index}`));
    await until('all rows', () => rows.length === 1500);
    expect(state.inserts).toBe(2);
    expect(rows[0]).toBe('R0');
    expect(rows.at(-1)).toBe('R1499');
  });

  test('wait while the database is away, and are written when the service ends', async () => {
    const { recorder, rows, state } = setUp();
    state.down = true;
    recorder.record(refusal('A'));
    await recorder.flush();
    expect(recorder.waiting).toBe(1);
    state.down = false;
    await recorder.close();
    expect(rows).toEqual(['A']);
  });

  test('are bounded: refusals are left out and counted, trips never', async () => {
    const { recorder, rows, state } = setUp(2);
    recorder.record(refusal('A'));
    recorder.record(refusal('B'));
    recorder.record(refusal('C'));
    recorder.record({ kind: 'trip', code: 'T', message: 'm' });
    expect(state.dropped).toBe(2);
    await recorder.close();
    expect(rows).toEqual(['B', 'T']);
  });
});
