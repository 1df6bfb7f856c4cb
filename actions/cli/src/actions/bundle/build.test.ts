import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { bundleAction, distOf, staleFiles } from './build.ts';

let root = '';
const lay = (path: string, text: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
const runBundle = (): string =>
  execFileSync(process.execPath, [join(distOf(root, 'demo'), 'index.cjs')], { encoding: 'utf8', cwd: tmpdir() }).trim();

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'papergate-bundle-'));
  lay(
    'actions/shared/src/deep/beside.ts',
    `
    import { readFileSync } from 'node:fs';
    export const beside = (): string => readFileSync(new URL('./beside.txt', import.meta.url), 'utf8');
  `,
  );
  lay('actions/shared/src/deep/beside.txt', 'found beside');
  lay(
    'actions/demo/src/main.ts',
    `
    import { beside } from '../../shared/src/deep/beside.ts';
    class Named extends Error { constructor() { super(); this.name = new.target.name; } }
    console.log(beside(), new Named().name);
  `,
  );
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('a bundle', () => {
  test('finds what lies beside its sources, wherever the repository lies', async () => {
    await bundleAction(root, 'demo');
    expect(runBundle()).toBe('found beside Named');
    const moved = `${root}-moved`;
    cpSync(root, moved, { recursive: true });
    rmSync(root, { recursive: true });
    root = moved;
    expect(runBundle()).toBe('found beside Named');
  });

  test('has the licences of all packages in it beside it, and of no other', async () => {
    const install = (name: string, licence: string | undefined): void => {
      lay(
        `node_modules/${name}/package.json`,
        JSON.stringify({ name, version: '1.2.3', license: 'MIT', main: 'a.js' }),
      );
      lay(`node_modules/${name}/a.js`, `module.exports = ${JSON.stringify(name)};`);
      if (licence !== undefined) lay(`node_modules/${name}/LICENSE.md`, licence);
    };
    install('used', 'Copyright of used.\r\nAll of it.');
    install('@scope/used', undefined);
    install('unused', 'Copyright of unused.');
    lay('actions/demo/src/main.ts', "import a from 'used';\nimport b from '@scope/used';\nconsole.log(a, b);");
    await bundleAction(root, 'demo');
    expect(runBundle()).toBe('used @scope/used');
    expect(readFileSync(join(distOf(root, 'demo'), 'LICENSES.txt'), 'utf8')).toBe(
      `@scope/used 1.2.3, MIT\n\nThe package has no text of it.\n\n${'-'.repeat(80)}\n\nused 1.2.3, MIT\n\nCopyright of used.\nAll of it.\n`,
    );
  });

  test('asks for a compiled package where it lies when it is called for, and holds nothing of it', async () => {
    lay(
      'actions/shared/src/action/packages.ts',
      'export const packageOfCheckout = (name: string, bundle: string) => ({ asked: `${name} for ${bundle}` });',
    );
    lay('node_modules/libpg-query/index.js', "module.exports = 'all of a parser';");
    lay('actions/demo/src/main.ts', "void import('libpg-query').then(({ asked }) => console.log(asked));");
    await bundleAction(root, 'demo');
    const bundle = join(distOf(root, 'demo'), 'index.cjs');
    expect(runBundle()).toBe(`libpg-query for ${bundle}`);
    expect(readFileSync(bundle, 'utf8')).not.toContain('all of a parser');
  });

  test('is refused where its sources want to know more of where they are than a bundle can tell', async () => {
    lay('actions/demo/src/main.ts', 'console.log(import.meta.dirname);');
    await expect(bundleAction(root, 'demo')).rejects.toThrow('"import.meta" is not available');
  });

  test('is stale when a source has changed, when a file is missing or left over, and not otherwise', async () => {
    expect(await staleFiles(root, 'demo')).toContain('dist/index.cjs is missing');
    await bundleAction(root, 'demo');
    expect(await staleFiles(root, 'demo')).toEqual([]);
    lay('actions/demo/src/unused.ts', 'export const unused = 1;');
    expect(await staleFiles(root, 'demo')).toEqual([]);
    lay('actions/demo/dist/chunk.cjs', '');
    expect(await staleFiles(root, 'demo')).toEqual(['dist/chunk.cjs is left over']);
    rmSync(join(root, 'actions/demo/dist/chunk.cjs'));
    const main = join(root, 'actions/demo/src/main.ts');
    writeFileSync(main, readFileSync(main, 'utf8').replace('console.log(', 'console.log(1, '));
    expect(await staleFiles(root, 'demo')).toEqual(['dist/index.cjs was built from other sources']);
  });
});
