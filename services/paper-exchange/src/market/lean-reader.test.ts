import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { UserError } from '@papergate/config';
import { makeLeanZip, makeZip } from '../testing/lean-zip.ts';
import { describeLeanFile, findLeanFiles } from './lean-files.ts';
import { readLeanFile } from './lean-reader.ts';
import type { MarketTick } from './tick.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'px-lean-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, content: Buffer | readonly string[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, Buffer.isBuffer(content) ? content : makeLeanZip(content));
  return path;
}

async function read(path: string): Promise<MarketTick[]> {
  const ticks: MarketTick[] = [];
  for (const file of await findLeanFiles([path])) for await (const batch of readLeanFile(file)) ticks.push(...batch);
  return ticks;
}

async function mistake(path: string): Promise<string> {
  const error: unknown = await read(path).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message.replace(folder, '');
}

describe('LEAN tick files', () => {
  test('trades get their price, size, exchange and New York time', async () => {
    const path = await write('spy_20131007_trade.zip', ['34200000,1674100,100,P,2000,0', '34200001,1674200,250,Q,0,1']);
    expect(await read(path)).toEqual([
      {
        kind: 't',
        symbol: 'SPY',
        time: Date.parse('2013-10-07T13:30:00Z') * 1000,
        price: 167_410_000,
        size: 100,
        exchange: 'P',
        id: 1,
      },
      {
        kind: 't',
        symbol: 'SPY',
        time: Date.parse('2013-10-07T13:30:00.001Z') * 1000,
        price: 167_420_000,
        size: 250,
        exchange: 'Q',
        id: 2,
      },
    ]);
  });

  test('winter time is an hour later in UTC', async () => {
    const path = await write('spy_20131105_trade.zip', ['34200000,1674100,100,P,2000,0']);
    expect((await read(path))[0]?.time).toBe(Date.parse('2013-11-05T14:30:00Z') * 1000);
  });

  test('a side of a quote that did not change is carried on', async () => {
    const path = await write('aig_20131007_quote.zip', [
      '14400152,0,0,494100,300,Q,1,0',
      '14400547,491800,200,0,0,P,1,0',
      '14400548,0,0,492000,3000,P,1,0',
    ]);
    const sides = (await read(path)).map((tick) =>
      tick.kind === 'q' ? [tick.bid, tick.bidSize, tick.ask, tick.askSize] : [],
    );
    expect(sides).toEqual([
      [0, 0, 49_410_000, 300],
      [49_180_000, 200, 49_410_000, 300],
      [49_180_000, 200, 49_200_000, 3000],
    ]);
  });

  test('rows that are cut by a chunk’s end, Windows line ends, empty lines and a missing last newline do no harm', async () => {
    const rows = Array.from(
      { length: 40_000 },
      (_, index) => `${34_200_000 + index},${1_000_000 + index},${1 + (index % 900)},Z,0,0`,
    );
    const path = await write(
      'spy_20131008_trade.zip',
      makeZip({ 'a.csv': `${rows.join('\r\n')}\r\n\r\n34299999,5,6,Q,0,0` }),
    );
    const ticks = await read(path);
    expect(ticks).toHaveLength(40_001);
    ticks.slice(0, -1).forEach((tick, index) => {
      expect(tick).toMatchObject({ price: (1_000_000 + index) * 100, size: 1 + (index % 900), id: index + 1 });
    });
    expect(ticks.at(-1)).toMatchObject({ price: 500, size: 6, exchange: 'Q' });
  });

  test.each([
    ['a missing column', '34200000,1674100', 'the size is missing'],
    ['text for a price', '34200000,abc,100,P,0,0', 'the price is no whole number'],
    ['a negative size', '34200000,1674100,-1,P,0,0', 'the size is no whole number'],
    ['a price of zero', '34200000,0,100,P,0,0', 'the price is 0'],
    ['text for a time', 'noon,1674100,100,P,0,0', 'the time is no number'],
    ['a time after midnight', '86400000,1674100,100,P,0,0', 'the time is past midnight'],
    ['a price beyond all bounds', '34200000,99999999999999999999,100,P,0,0', 'the price is out of range'],
    ['a header', 'time,price,size,exchange', 'the time is no number'],
  ])('%s is named with file and line', async (_what, row, reason) => {
    const path = await write('bad_20131007_trade.zip', ['34200000,1674100,100,P,0,0', row]);
    expect(await mistake(path)).toBe(`replay file /bad_20131007_trade.zip, line 2: ${reason}`);
  });

  test('what is no zip, empty, full of files or damaged is named', async () => {
    const zip = makeLeanZip(Array.from({ length: 500 }, (_, index) => `34200000,${1000 + index},100,P,0,0`));
    expect(await mistake(await write('a_20131007_trade.zip', Buffer.from('not a zip')))).toContain('it is no zip');
    expect(await mistake(await write('b_20131007_trade.zip', makeZip({})))).toContain('the zip is empty');
    expect(await mistake(await write('c_20131007_trade.zip', makeZip({ a: '', b: '' })))).toContain('holds 2 files');
    const flipped = Buffer.from(zip);
    flipped[200] = (flipped[200] ?? 0) ^ 0xff;
    expect(await mistake(await write('d_20131007_trade.zip', flipped))).toMatch(/the zip is damaged|line \d+/);
    const wrongSum = Buffer.from(zip);
    const central = zip.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    wrongSum.writeUInt32LE(1, central + 16);
    expect(await mistake(await write('e_20131007_trade.zip', wrongSum))).toContain('wrong checksum');
    expect(await mistake(await write('f_20131007_trade.zip', zip.subarray(0, 300)))).toContain('it is no zip');
  });

  test('files are found by their names, in folders and in LEAN’s own layout, by date and symbol', async () => {
    expect(describeLeanFile('/x/spy_20131007_quote.zip')).toMatchObject({
      symbol: 'SPY',
      date: '2013-10-07',
      kind: 'quote',
    });
    expect(describeLeanFile('/tick/brk.b/20131007_trade.zip')).toMatchObject({ symbol: 'BRK.B', kind: 'trade' });
    for (const name of [
      'readme.md',
      'spy_2013_trade.zip',
      'spy_20131399_trade.zip',
      'spy_20131007_openinterest.zip',
      '../20131007_trade.zip',
    ]) {
      expect(describeLeanFile(name)).toBeUndefined();
    }
    const found = (await findLeanFiles([folder])).map(({ date, symbol, kind }) => `${date} ${symbol} ${kind}`);
    expect(found).toEqual([...found].sort());
  });

  test('a path that does not exist, tells nothing or holds nothing is named', async () => {
    expect(await mistake(join(folder, 'none_20131007_trade.zip'))).toContain('cannot be read: it does not exist');
    expect(await mistake(await write('prices.zip', ['1,1,1,P,0,0']))).toContain('a name that tells no symbol');
    const empty = await mkdtemp(join(tmpdir(), 'px-empty-'));
    await expect(findLeanFiles([empty])).rejects.toThrow('the folder holds no LEAN tick files');
    await rm(empty, { recursive: true });
    await expect(findLeanFiles([])).rejects.toThrow('was given none');
  });
});
