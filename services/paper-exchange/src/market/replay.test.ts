import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { until } from '@papergate/service-kit/testing';
import { makeLeanZip } from '../testing/lean-zip.ts';
import { findLeanFiles } from './lean-files.ts';
import { parseTimeOfDay, Replay, type ReplayOptions } from './replay.ts';
import type { MarketTick } from './tick.ts';

jest.setTimeout(60_000);

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'px-replay-'));
  const trades = (from: number, step: number, count: number) =>
    makeLeanZip(Array.from({ length: count }, (_, index) => `${from + index * step},${1000 + index},100,P,0,0`));
  await writeFile(join(folder, 'aaa_20131007_trade.zip'), trades(34_200_000, 20, 100));
  await writeFile(join(folder, 'bbb_20131007_trade.zip'), trades(34_200_010, 20, 100));
  await writeFile(join(folder, 'aaa_20131008_trade.zip'), trades(34_200_000, 20, 50));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Run {
  replay: Replay;
  sent: MarketTick[];
  prepared: MarketTick[];
  times: number[];
  state: { wanted: boolean };
}

async function open(options: Partial<ReplayOptions> = {}): Promise<Run> {
  const sent: MarketTick[] = [];
  const prepared: MarketTick[] = [];
  const times: number[] = [];
  const state = { wanted: true };
  const replay = new Replay({
    files: await findLeanFiles([folder]),
    speed: 0,
    autostart: true,
    publish: (ticks) => {
      for (const tick of ticks) {
        sent.push(tick);
        times.push(performance.now());
      }
    },
    prepare: (tick) => prepared.push(tick),
    wanted: () => state.wanted,
    drained: () => Promise.resolve(),
    ...options,
  });
  return { replay, sent, prepared, times, state };
}

const finished = (replay: Replay) => until('the end of the replay', () => replay.status().finished);

describe('a replay', () => {
  test('plays every day in order, its symbols merged by time', async () => {
    const { replay, sent } = await open();
    await replay.start();
    await finished(replay);
    expect(sent).toHaveLength(250);
    expect(sent.map(({ time }) => time)).toEqual(sent.map(({ time }) => time).sort((a, b) => a - b));
    expect(sent.slice(0, 4).map(({ symbol }) => symbol)).toEqual(['AAA', 'BBB', 'AAA', 'BBB']);
    expect(replay.status()).toMatchObject({ running: false, finished: true, read: 250, runs: 1, files: 3 });
  });

  test('waits until somebody has subscribed', async () => {
    const { replay, sent, state } = await open();
    state.wanted = false;
    await replay.start();
    expect(replay.status()).toMatchObject({ running: false, finished: false, waiting: 'subscriber' });
    state.wanted = true;
    replay.wake();
    await finished(replay);
    expect(sent).toHaveLength(250);
  });

  test('that is not to start by itself waits to be told, subscriber or not', async () => {
    const { replay, sent } = await open({ autostart: false });
    await replay.start();
    replay.wake();
    expect(replay.status()).toMatchObject({ running: false, waiting: 'start' });
    expect(replay.begin({ speed: 0 })).toBe(true);
    await finished(replay);
    expect(sent).toHaveLength(250);
    expect(replay.begin()).toBe(true);
    await until('the second run', () => replay.status()['runs'] === 2 && replay.status().finished);
    expect(sent).toHaveLength(500);
  });

  test('keeps to its window of the day; the book is brought to where the window begins', async () => {
    const window = { from: parseTimeOfDay('from', '09:30:01'), to: parseTimeOfDay('to', '09:30:02') };
    const { replay, sent, prepared } = await open(window);
    await replay.start();
    await finished(replay);
    const at = (text: string) => Date.parse(text) * 1000;
    expect(sent).toHaveLength(100);
    expect(sent[0]?.time).toBe(at('2013-10-07T13:30:01Z'));
    expect(sent.every(({ time }) => time < at('2013-10-07T13:30:02Z'))).toBe(true);
    expect(prepared.length).toBe(150);
  });

  test('at a speed, takes the time that the day took', async () => {
    const { replay, sent, times } = await open({ speed: 20, to: parseTimeOfDay('to', '09:30:02') });
    await replay.start();
    await until('the first day', () => sent.length >= 200);
    await replay.stop();
    const wall = (times[199] ?? 0) - (times[0] ?? 0);
    // 1.99 s of market at twentyfold speed: 99.5 ms; never early.
    expect(wall).toBeGreaterThan(95);
    expect(replay.status()).toMatchObject({ running: false, finished: true });
  });

  test('goes no faster than its readers take it', async () => {
    const own = await mkdtemp(join(tmpdir(), 'px-slow-'));
    const rows = Array.from({ length: 3000 }, (_, index) => `${34_200_000 + index},1000,100,P,0,0`);
    await writeFile(join(own, 'ccc_20131007_trade.zip'), makeLeanZip(rows));
    let release: () => void = () => undefined;
    const { replay, sent } = await open({
      files: await findLeanFiles([own]),
      drained: () => new Promise((resolve) => (release = resolve)),
    });
    await replay.start();
    await until('the first batch', () => sent.length > 0);
    const first = sent.length;
    expect(first).toBeLessThan(3000);
    for (let turn = 0; turn < 1000; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toHaveLength(first);
    await until('the end', () => {
      release();
      return replay.status().finished;
    });
    expect(sent).toHaveLength(3000);
    await rm(own, { recursive: true });
  });

  test('a file that breaks half-way ends it with the reason', async () => {
    const path = join(folder, 'zzz_20131009_trade.zip');
    await writeFile(path, makeLeanZip(['34200000,1000,100,P,0,0', 'oops']));
    let failure: unknown;
    const { replay } = await open({ onFailure: (error) => (failure = error) });
    await replay.start();
    await finished(replay);
    await rm(path);
    expect(replay.status()['error']).toContain('line 2');
    expect(failure).toMatchObject({ code: 'REPLAY_CORRUPT' });
  });

  test('times of day are read with and without seconds, and nothing else', () => {
    expect(parseTimeOfDay('from', '09:30')).toBe(34_200_000_000);
    expect(parseTimeOfDay('from', '23:59:59')).toBe(86_399_000_000);
    for (const text of ['9:30', '24:00', '09:60', '09:30:61', 'noon', '']) {
      expect(() => parseTimeOfDay('from', text)).toThrow(`from is "${text}", allowed: a time of day in New York`);
    }
  });
});
