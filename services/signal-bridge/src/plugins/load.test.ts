import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { StrategyConfig } from '@papergate/config';
import { pluginConfig } from '../testing/tape.ts';
import { loadStrategies } from './load.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'papergate-strategies-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return `./${name.replace(/\.(ts|js)$/, '')}`;
}
const load = (over: Partial<StrategyConfig>) => loadStrategies([pluginConfig(over)], { folder });

const EMPTY = `{ type: 'object', properties: {}, additionalProperties: false }`;
const CONTEXT = { interface: 1, strategy: 'own', symbol: 'AAPL', barMs: 1000, random: () => 0.5 };

describe('a plug-in', () => {
  test('is a file of the folder, in TypeScript or JavaScript, with or without its ending', async () => {
    const text = `export default { interface: 1, parameters: ${EMPTY}, create: () => ({ onBar() {} }) };`;
    write('typed.ts', `const note: string = 'typed'; void note;\n${text}`);
    write('plain.js', text);
    for (const plugin of ['./typed', './typed.ts', './typed.js', './plain']) {
      const [found] = await load({ plugin });
      expect([found?.plugin, found?.memory]).toEqual([plugin, Infinity]);
    }
  });

  test('is a package, by its name', async () => {
    const asked: string[] = [];
    const module = { default: { interface: 1, parameters: { type: 'object' }, create: () => ({ onTick() {} }) } };
    const found = await loadStrategies([pluginConfig({ plugin: '@acme/papergate-pairs' })], {
      folder,
      load: (specifier) => {
        asked.push(specifier);
        return Promise.resolve(module);
      },
    });
    expect([asked, found.length]).toEqual([['@acme/papergate-pairs'], 1]);
  });

  test('gets its parameters frozen, checked by its own schema', async () => {
    const plugin = write(
      'greedy.js',
      `export default { interface: 1,
        parameters: { type: 'object', required: ['depth'], additionalProperties: false,
          properties: { depth: { type: 'object', required: ['levels'], properties: { levels: { type: 'integer', minimum: 1 } } } } },
        memory: ({ depth }) => depth.levels,
        create: (parameters) => { parameters.depth.levels = 99; return { onBar() {} }; } };`,
    );
    const parameters = { depth: { levels: 2 } };
    const [found] = await load({ plugin, parameters });
    expect(found?.memory).toBe(2);
    expect(() => found?.create(CONTEXT)).toThrow(/read only/);
    expect(parameters).toEqual({ depth: { levels: 2 } });
    const refused = load({ plugin, parameters: { depth: { levels: 0 }, dpeth: 1 } });
    await expect(refused).rejects.toThrow(expect.objectContaining({ code: 'STRATEGY_PARAMETERS', exitCode: 2 }));
    await expect(refused).rejects.toThrow(/depth\.levels is 0, allowed: a whole number from 1/);
    await expect(refused).rejects.toThrow(/unknown key dpeth/);
  });

  test('keeps what it holds at its top level from another strategy of the same plug-in', async () => {
    const plugin = write(
      'counting.js',
      `let made = 0;
       export default { interface: 1, parameters: ${EMPTY},
         create() { made += 1; const mine = made; return { onBar() {}, indicators: () => ({ mine }) }; } };`,
    );
    const pair = await loadStrategies([pluginConfig({ name: 'one', plugin }), pluginConfig({ name: 'two', plugin })], {
      folder,
    });
    expect(pair.map((strategy) => strategy.create(CONTEXT).indicators?.())).toEqual([{ mine: 1 }, { mine: 1 }]);
  });
});

const whole = (over: string): string =>
  `export default { interface: 1, parameters: ${EMPTY}, create: () => ({ onBar() {} }), ${over} };`;
const REFUSED: [what: string, text: string, code: string, message: RegExp][] = [
  ['a syntax error', 'export default {', 'STRATEGY_BROKEN', /cannot be loaded/],
  ['an error at its top level', 'throw new Error("no luck");', 'STRATEGY_BROKEN', /no luck/],
  ['an import that does not exist', 'import "./nowhere.js";', 'STRATEGY_BROKEN', /nowhere/],
  ['no default export', 'export const strategy = 1;', 'STRATEGY_NO_PLUGIN', /no default export/],
  ['a default export that is a number', 'export default 7;', 'STRATEGY_NO_PLUGIN', /default export is 7/],
  ['no interface', whole('interface: undefined'), 'STRATEGY_INTERFACE', /interface undefined, allowed: 1/],
  ['an interface of tomorrow', whole('interface: 2'), 'STRATEGY_INTERFACE', /interface 2, allowed: 1/],
  ['nothing that creates', whole('create: 1'), 'STRATEGY_NO_PLUGIN', /create is 1/],
  ['no schema', whole('parameters: undefined'), 'STRATEGY_NO_PLUGIN', /no JSON Schema of an object/],
  ['a schema of a list', whole(`parameters: { type: 'array' }`), 'STRATEGY_NO_PLUGIN', /no JSON Schema of an object/],
  ['a memory of nothing', whole('memory: () => NaN'), 'STRATEGY_NO_PLUGIN', /memory is NaN bars/],
  ['a check that says no', whole('check: () => "too wild"'), 'STRATEGY_PARAMETERS', /: too wild/],
  ['a check that throws', whole('check: () => { throw 1; }'), 'STRATEGY_BROKEN', /cannot be loaded: 1/],
];

describe('what is refused at start, by name of the strategy and its plug-in', () => {
  test.each(REFUSED)('%s', async (_what, text, code, message) => {
    const plugin = write(`bad-${REFUSED.findIndex((row) => row[1] === text)}.js`, text);
    const refused = load({ plugin });
    await expect(refused).rejects.toThrow(expect.objectContaining({ code, exitCode: 2 }));
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toThrow(`strategy "own" (${plugin}): `);
  });

  test('a file that is not there, with those that are', async () => {
    write('there.js', whole(''));
    const refused = load({ plugin: './absent' });
    await expect(refused).rejects.toThrow(expect.objectContaining({ code: 'STRATEGY_NOT_FOUND' }));
    await expect(refused).rejects.toThrow(/there is no such plug-in; .*\.\/there/);
  });

  test('a package that is not installed', async () => {
    const refused = loadStrategies([pluginConfig({ plugin: '@acme/absent' })], {
      folder,
      load: (name) => {
        const error = new Error(`Cannot find package '${name}' imported from here`);
        return Promise.reject(Object.assign(error, { code: 'ERR_MODULE_NOT_FOUND' }));
      },
    });
    await expect(refused).rejects.toThrow(expect.objectContaining({ code: 'STRATEGY_NOT_FOUND' }));
  });

  const UNMADE: [what: string, create: string, message: RegExp][] = [
    ['one that throws when it is created', '() => { throw new Error("no memory"); }', /cannot be created: no memory/],
    ['one that creates nothing', '() => null', /create gives null/],
    ['one that creates something else', '() => ({ onbar() {} })', /neither onBar nor onTick/],
  ];
  test.each(UNMADE)('%s', async (_what, create, message) => {
    const plugin = write(`unmade-${UNMADE.findIndex((row) => row[1] === create)}.js`, whole(`create: ${create}`));
    const [found] = await load({ plugin });
    const making = () => found?.create(CONTEXT);
    expect(making).toThrow(expect.objectContaining({ code: 'STRATEGY_CREATE', exitCode: 2 }));
    expect(making).toThrow(message);
  });
});
