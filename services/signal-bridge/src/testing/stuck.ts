// signal-bridge in a process of its own, with a strategy that never gives the thread back: for the test of the watchdog.
import { fileURLToPath } from 'node:url';
import { Secret } from '@papergate/config';
import { testContext } from '@papergate/service-kit/testing';
import { buildSignalBridge } from '../build.ts';
import { closes, pluginConfig, strategyConfig } from './tape.ts';

const endless = {
  interface: 1,
  parameters: { type: 'object' },
  create: () => ({
    onTick: () => {
      for (;;);
    },
  }),
};

const [databaseUrl = ''] = process.argv.slice(2);
const context = testContext('signal-bridge', {
  databaseUrl: new Secret(databaseUrl),
  system: (system) => {
    system.strategies = [
      strategyConfig({ threshold: 1.5, symbols: ['AAPL'] }),
      pluginConfig({ name: 'endless', plugin: 'own', parameters: {}, symbols: ['AAPL'] }),
    ];
  },
});
const bridge = await buildSignalBridge(context, {
  plugins: { load: () => Promise.resolve({ default: endless }) },
  watchdog: { entry: fileURLToPath(new URL('../main.ts', import.meta.url)), everyMs: 50, looks: 10 },
});
await bridge.start();
for (const tick of closes([100, 101])) bridge.engine.add(tick, () => undefined);
const [first] = bridge.engine.report();
const { checks } = await context.readiness.report();
process.stdout.write(`${JSON.stringify({ bars: first?.symbols[0]?.bars, strategies: checks['strategies'] })}\n`);
await bridge.stop();
await bridge.app.close();
