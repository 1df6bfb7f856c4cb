import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildProgram, runProgram } from '../program.ts';
import { testContext, type TestContext } from '../testing.ts';
import { TickFolder, walk } from './testing.ts';
import type { BacktestReport } from './types.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
let folder: TickFolder;
beforeAll(() => {
  folder = new TickFolder();
  folder.tape(walk([100, 101, 102, 103, 104, 103, 102, 101, 100, 99]), 'aig');
});
afterAll(() => folder.remove());

async function papergate(...args: string[]): Promise<TestContext> {
  const made = testContext(folder.dir, { repository: ROOT });
  await runProgram(buildProgram(made.context, '1.2.3'), ['backtest', ...args], made.context);
  return made;
}
const OWN = ['--strategy', './breakout', '--parameters', '{"window":2,"margin_percent":0}', '--cooldown-ms', '0'];

describe('papergate backtest', () => {
  test('prints a summary, and the rate beside it', async () => {
    const { out, err, exitCode } = await papergate('--data', folder.dir, ...OWN);
    expect(exitCode()).toBe(0);
    expect(out.join('\n')).toMatch(/20 ticks of AIG, .*; limits of production, seed 1, 50–75 ms each way/);
    expect(out.join('\n')).toMatch(/^breakout +\.\/breakout +AIG +[1-9]/m);
    expect(out.join('\n')).toMatch(/^Sharpe ratio/m);
    expect(err.join('\n')).toMatch(/^\d+\.\d s, [\d,]+ ticks\/s$/);
  });

  test('prints and writes the same bytes every time, and nothing else with --json', async () => {
    const file = join(folder.dir, 'report.json');
    const first = await papergate('--data', folder.dir, ...OWN, '--json', '--out', file);
    const second = await papergate('--data', folder.dir, ...OWN, '--json');
    expect(first.out).toEqual([readFileSync(file, 'utf8')]);
    expect(second.out).toEqual(first.out);
    const report = JSON.parse(first.out.join('')) as BacktestReport;
    expect(report.fills.length).toBeGreaterThan(0);
    expect(first.out.join('')).not.toContain(folder.dir);
  });

  test('makes a page of it where a folder is named, which need not be there', async () => {
    const [one, two] = [join(folder.dir, 'new', 'one'), join(folder.dir, 'two')];
    const { err } = await papergate('--data', folder.dir, ...OWN, '--report', one);
    await papergate('--data', folder.dir, ...OWN, '--report', two);
    expect(err.join('\n')).toContain(join(one, 'report.html'));
    const page = readFileSync(join(one, 'report.html'), 'utf8');
    expect(page).toContain('Backtest of breakout');
    expect(page).not.toContain(folder.dir);
    for (const name of ['report.html', 'report.json'])
      expect(readFileSync(join(two, name))).toEqual(readFileSync(join(one, name)));
  });

  test('ends with 1 where a strategy failed, and says which', async () => {
    const file = join(folder.dir, 'wild.js');
    writeFileSync(
      file,
      `export default { interface: 1, parameters: { type: 'object' }, create: () => ({ onBar: () => ({ side: 'hold' }) }) };`,
    );
    const { out, exitCode } = await papergate('--data', folder.dir, '--strategy', file);
    expect(exitCode()).toBe(1);
    expect(out.join('\n')).toContain('STOPPED (output): its side is "hold", allowed: "buy", "sell"');
  });

  test.each([
    ['--seed -1', 'allowed: a whole number from 0 to 4294967295'],
    ['--symbols aapl,,', 'allowed: symbols with commas between them'],
    ['--cash 0', 'allowed: a decimal number above 0'],
    ['--fee -1', 'allowed: a decimal number, not negative'],
    ['--partial-fills 1.5', 'allowed: a number from 0 to 1'],
    ['--latency fast', 'allowed: a whole number from 0 to 60000'],
    ['--environment test', 'allowed: development, staging, production'],
    ['--bar-ms 5', 'allowed: a whole number from 10 to 86400000'],
  ])('refuses %s', async (flags, message) => {
    await expect(papergate('--data', folder.dir, ...flags.split(' '))).rejects.toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(message), exitCode: 2 }),
    );
  });
});
