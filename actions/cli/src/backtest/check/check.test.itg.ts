import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { buildProgram, runProgram } from '../../program.ts';
import { testContext } from '../../testing.ts';
import { strategyProblems } from './index.ts';

jest.setTimeout(120_000);

const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));
const STRATEGIES = 'services/signal-bridge/strategies';

let repository: string;
beforeAll(() => {
  repository = mkdtempSync(join(tmpdir(), 'papergate-checked-'));
  mkdirSync(join(repository, STRATEGIES), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(repository, 'node_modules'));
  cpSync(join(ROOT, 'config'), join(repository, 'config'), {
    recursive: true,
    filter: (path) => !/\/(src|node_modules)$/.test(path),
  });
  cpSync(join(ROOT, STRATEGIES, 'breakout.ts'), join(repository, STRATEGIES, 'breakout.ts'));
  const plugin = (body: string): string =>
    `export default { interface: 1, parameters: { type: 'object' }, create: () => { ${body} } };`;
  writeFileSync(join(repository, STRATEGIES, 'endless.js'), 'for (;;);');
  writeFileSync(join(repository, STRATEGIES, 'leaving.js'), 'process.exit(0);');
  writeFileSync(join(repository, STRATEGIES, 'nosy.js'), plugin('throw new Error(JSON.stringify(process.env));'));
});
afterAll(() => rmSync(repository, { recursive: true, force: true }));

const PARAMETERS = { window: 20, margin_percent: 0.05 };

function configure(...strategies: [plugin: string, parameters: object][]): void {
  const path = join(repository, 'config/system.development.json');
  const system = JSON.parse(readFileSync(path, 'utf8')) as { symbols: string[]; strategies: object[] };
  system.strategies = strategies.map(([plugin, parameters], index) => ({
    name: `own-${index}`,
    plugin: `./${plugin}`,
    symbols: system.symbols.slice(0, 2),
    quantity: '1',
    bar_ms: 1000,
    cooldown_ms: 1000,
    parameters,
  }));
  writeFileSync(path, JSON.stringify(system));
}
const problems = (limitMs?: number) =>
  strategyProblems({
    repository,
    environment: 'development',
    signal: new AbortController().signal,
    ...(limitMs === undefined ? {} : { limitMs }),
  });

describe('the strategies of a configuration', () => {
  test('are held to the schemas of their plug-ins, each of them, before anything is delivered', async () => {
    configure(['breakout', PARAMETERS], ['breakout', { ...PARAMETERS, window: 1 }], ['nowhere', {}]);
    const { context, out, exitCode } = testContext(repository);
    await runProgram(buildProgram(context, '0.0.0'), ['validate', '--offline', '--json'], context);
    expect(exitCode()).toBe(2);
    const found = JSON.parse(out.join('')) as { problems: { code: string; message: string }[] };
    expect(found.problems.map(({ code }) => code)).toEqual(['STRATEGY_PARAMETERS', 'STRATEGY_NOT_FOUND']);
    expect(found.problems[0]?.message).toContain('strategy "own-1" (./breakout)');
    expect(found.problems[0]?.message).toContain('window');
  });

  test('pass where they would start', async () => {
    configure(['breakout', PARAMETERS]);
    expect(await problems()).toEqual([]);
  });

  test('are named where one never comes to an end, or ends everything', async () => {
    configure(['breakout', { ...PARAMETERS, window: 'many' }], ['endless', {}]);
    expect(await problems(6_000)).toEqual([
      expect.objectContaining({ code: 'STRATEGY_PARAMETERS' }),
      expect.objectContaining({ message: expect.stringContaining('"own-1": it cannot be loaded: it was not done') }),
    ]);
    configure(['leaving', {}]);
    expect(await problems()).toEqual([expect.objectContaining({ code: 'STRATEGY_BROKEN' })]);
  });

  test('are told no keys', async () => {
    configure(['nosy', {}]);
    const [problem] = await problems();
    expect(problem).toMatchObject({ code: 'STRATEGY_CREATE', message: expect.stringContaining('{}') });
  });
});
