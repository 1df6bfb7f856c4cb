import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { orderRate, replayCeiling, replayRate, type Figure } from './pieces/measure.ts';
import { makeLeanZip } from '../testing/lean-zip.ts';

// `node services/paper-exchange/src/bench.ts [PATH…]`: one JSON line a figure. Without paths and without
// ../shared/data it makes a day of its own.
const given = process.argv.slice(2).map((path) => resolve(path));
const shared = resolve('../shared/data');
const made = given.length === 0 && !existsSync(shared) ? await makeDay() : undefined;
const paths = given.length > 0 ? given : [made ?? shared];

const print = (figure: Figure): void => console.log(JSON.stringify(figure));
try {
  const ceiling = await replayCeiling(paths);
  const unit = 'ticks/s';
  const raw = await replayRate(paths, 'raw');
  print({ name: 'replay to a raw reader', value: raw, unit, ceiling, ceiling_name: 'read, merge and encode alone' });
  const client = await replayRate(paths, 'client');
  print({ name: 'replay to Alpaca’s client', value: client, unit, ceiling: raw, ceiling_name: 'a raw reader' });
  const { orders, bare } = await orderRate(3, 50);
  print({
    name: 'orders accepted and filled',
    value: orders,
    unit: '1/s',
    ceiling: bare,
    ceiling_name: 'GET /health, same client',
  });
} finally {
  if (made !== undefined) await rm(made, { recursive: true, force: true });
}

async function makeDay(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'px-bench-'));
  const quotes = Array.from({ length: 500_000 }, (_, i) =>
    i % 2 === 0
      ? `${34_200_000 + i * 40},${990_000 + (i % 900) * 10},500,0,0,Q,1,0`
      : `${34_200_000 + i * 40},0,0,${1_010_000 + (i % 900) * 10},500,Q,1,0`,
  );
  const trades = Array.from(
    { length: 100_000 },
    (_, i) => `${34_200_000 + i * 200},${1_000_000 + (i % 900) * 10},100,P,0,0`,
  );
  await writeFile(join(folder, 'aaa_20131007_quote.zip'), makeLeanZip(quotes));
  await writeFile(join(folder, 'aaa_20131007_trade.zip'), makeLeanZip(trades));
  return folder;
}
