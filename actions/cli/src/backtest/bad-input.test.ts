import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { backtest, type BacktestRequest } from './index.ts';
import { CONDITIONS, CONFIG_DIR, TickFolder, walk } from './testing.ts';

let folder: TickFolder;
let good: string[];
beforeAll(() => {
  folder = new TickFolder();
  good = folder.tape(walk([100, 101, 102, 103, 104, 105]), 'aig');
});
afterAll(() => folder.remove());

const request = (over: Partial<BacktestRequest>): BacktestRequest => ({
  data: good,
  named: ['momentum'],
  environment: 'production',
  configDir: CONFIG_DIR,
  cwd: folder.dir,
  symbols: ['AIG'],
  seed: 1,
  conditions: CONDITIONS,
  quantity: '10',
  barMs: 1000,
  cooldownMs: 0,
  ...over,
});

const ROW = '36000000,1000000,100,V,0,0';
const own = (over: Partial<BacktestRequest>): Partial<BacktestRequest> => ({ named: ['mean_reversion'], ...over });
const BAD: [what: string, over: () => Partial<BacktestRequest>, code: string, message: RegExp][] = [
  ['no data', () => ({ data: [] }), 'BACKTEST_DATA', /given no data/],
  [
    'a file that is not there',
    () => ({ data: ['/nowhere/aig_20131007_trade.zip'] }),
    'REPLAY_UNREADABLE',
    /does not exist/,
  ],
  ['a folder without ticks', () => ({ data: [CONFIG_DIR] }), 'REPLAY_UNREADABLE', /holds no LEAN tick files/],
  ['a name that says nothing', () => ({ data: [folder.write('ticks.zip', [ROW])] }), 'REPLAY_NAME', /tells no symbol/],
  [
    'a file that is no zip',
    () => {
      const path = join(folder.dir, 'aig_20131008_trade.zip');
      writeFileSync(path, 'no zip at all');
      return { data: [path] };
    },
    'REPLAY_CORRUPT',
    /it is no zip/,
  ],
  [
    'a row that is none',
    () => ({ data: [folder.write('aig_20131009_trade.zip', [ROW, '36000001,abc,100,V,0,0'])] }),
    'REPLAY_CORRUPT',
    /line 2: the price is no whole number/,
  ],
  [
    'rows out of order',
    () => ({ data: [folder.write('aig_20131010_trade.zip', [ROW, ROW.replace('36000000', '35999999')])] }),
    'BACKTEST_ORDER',
    /aig_20131010_trade\.zip, row 2: its time is 2013-10-10T13:59:59\.999000Z, after a row of 2013-10-10T14:00:00/,
  ],
  [
    'a symbol that is not in the data',
    () => ({ symbols: ['AIG', 'TSLA'] }),
    'BACKTEST_SYMBOL',
    /--symbols: TSLA is not in the data, which has AIG/,
  ],
  ['a window without ticks', () => ({ from: '15:00', to: '15:30' }), 'BACKTEST_EMPTY', /no tick from 15:00 to 15:30/],
  ['a window that ends before it begins', () => ({ from: '15:00', to: '15:00' }), 'USAGE', /--to is "15:00"/],
  ['a time that is none', () => ({ from: '25:00' }), 'REPLAY_TIME', /--from is "25:00"/],
  [
    'a strategy that is none',
    () => ({ named: ['No Such!'] }),
    'BACKTEST_STRATEGY',
    /"No Such!", allowed: .*mean-reversion, momentum/,
  ],
  ['a file of the folder that is not there', () => ({ named: ['./nowhere'] }), 'STRATEGY_NOT_FOUND', /\.\/breakout/],
  ['parameters that are no JSON', () => own({ parameters: '{window}' }), 'BACKTEST_PARAMETERS', /is no JSON/],
  ['parameters that are a list', () => own({ parameters: '[1]' }), 'BACKTEST_PARAMETERS', /no JSON object/],
  [
    'a kind without its numbers',
    () => own({}),
    'STRATEGY_PARAMETERS',
    /window is missing, allowed: a whole number from 2/,
  ],
  [
    'a kind with a wrong number',
    () => own({ parameters: '{"window":1,"threshold":1}' }),
    'CONFIG_INVALID',
    /window is 1/,
  ],
  [
    'a report that cannot be written',
    () => ({ out: '/nowhere/report.json' }),
    'BACKTEST_OUT',
    /does not exist|no such file/,
  ],
];

describe('a backtest refuses, in one message,', () => {
  test.each(BAD)('%s', async (_what, over, code, message) => {
    const refused = backtest(request(over()));
    await expect(refused).rejects.toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

  test('configured strategies whose symbols the data does not have', async () => {
    const { symbols: _symbols, ...rest } = request({ named: [] });
    await expect(backtest(rest)).rejects.toThrow(
      /strategy "mean-reversion": AAPL, MSFT, SPY are not in the data, which has AIG/,
    );
  });
});

describe('--strategy names', () => {
  test('what the configuration has, a kind, a file of the folder, and a file elsewhere', async () => {
    writeFileSync(
      join(folder.dir, 'My_Own.ts'),
      `export default { interface: 1, parameters: { type: 'object' },
         create: () => ({ onBar: () => ({ side: 'buy', reason: 'always' }) }) };`,
    );
    const found = [];
    for (const [name, parameters] of [
      ['momentum', undefined],
      ['mean_reversion', '{"window":5,"threshold":1}'],
      ['./breakout', '{"window":2,"margin_percent":0}'],
      ['My_Own.ts', undefined],
    ] as const) {
      const given = parameters === undefined ? {} : { parameters };
      const { strategies } = await backtest(request({ named: [name], ...given }));
      found.push([strategies[0]?.name, strategies[0]?.plugin, (strategies[0]?.signals ?? 0) > 0]);
    }
    expect(found).toEqual([
      ['momentum', 'momentum', false],
      ['mean-reversion', 'mean_reversion', true],
      ['breakout', './breakout', true],
      ['my-own', './My_Own.ts', true],
    ]);
  });
});
