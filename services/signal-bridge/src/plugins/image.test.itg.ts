import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { closes, pluginConfig } from '../testing/tape.ts';
import { Engine } from '../engine/engine.ts';
import { loadStrategies } from './load.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const SERVICE = 'services/signal-bridge';

const OWN = `import { Type, type Static } from 'typebox';
import type { StrategyPlugin } from '@papergate/signal-bridge/plugin';
import { wanted } from './helpers/wanted.ts';
const Parameters = Type.Object({ above: Type.Number() });
export default {
  interface: 1,
  parameters: Parameters,
  create: ({ above }) => ({ onTick: (tick) => (tick.kind === 'trade' && tick.price > above ? wanted() : undefined) }),
} satisfies StrategyPlugin<Static<typeof Parameters>>;
`;

let folder: string;
/** A checkout as far as bundling it goes, with a strategy of a team's own in it. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'papergate-image-'));
  const app = join(folder, 'app');
  const strategies = join(app, SERVICE, 'strategies');
  mkdirSync(join(strategies, 'helpers'), { recursive: true });
  for (const path of ['node_modules', 'config', 'smoke', 'services/shared', `${SERVICE}/src`]) {
    symlinkSync(join(ROOT, path), join(app, path));
  }
  cpSync(join(ROOT, 'package.json'), join(app, 'package.json'));
  writeFileSync(join(strategies, 'own.ts'), OWN);
  writeFileSync(join(strategies, 'own.test.ts'), 'throw new Error("no test goes into an image");');
  writeFileSync(
    join(strategies, 'helpers/wanted.ts'),
    `export const wanted = () => ({ side: 'buy', reason: 'dear' }) as const;`,
  );
  execFileSync(process.execPath, [join(ROOT, 'compose/images/bundle.mjs'), app, join(folder, 'out')], {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 60_000,
  });
}, 90_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a strategy of the folder becomes one file of an image, helpers and packages in it, and runs from there', async () => {
  const out = join(folder, 'out', SERVICE.replace('signal-bridge', 'signal-bridge/app'), SERVICE, 'strategies');
  expect(readdirSync(out)).toEqual(['own.js']);
  const config = pluginConfig({ plugin: './own', parameters: { above: 101_000_000 }, symbols: ['AAPL'] });
  const nothing = (): void => undefined;
  const quiet = { bar: nothing, signal: nothing, suppressed: nothing, late: nothing, reset: nothing };
  const engine = new Engine({
    strategies: await loadStrategies([config], { folder: out }),
    events: { ...quiet, failed: nothing, slow: nothing },
  });
  const reasons: string[] = [];
  for (const tick of closes([100, 102])) engine.add(tick, ({ reason }) => reasons.push(reason));
  expect(reasons).toEqual(['dear']);
});
