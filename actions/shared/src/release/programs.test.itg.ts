import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Manifest } from './manifest.ts';
import { makePrograms, programsOf, removePrograms } from './programs.ts';

const ESBUILD = fileURLToPath(new URL('../../../../node_modules/esbuild', import.meta.url));
const json = (value: object): string => JSON.stringify(value);

let dir: string;
const release = (digest = 'a'.repeat(64)) => ({
  dir,
  manifest: { digest: `sha256:${digest}`, services: { clerk: {}, porter: {} } } as unknown as Manifest,
});
const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
};
const runs = (entry: string): string =>
  execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(dir, entry)], {
    encoding: 'utf8',
    env: {},
  });

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-programs-'));
  write('package.json', json({ type: 'module' }));
  write('shared/package.json', json({ name: '@papergate/kit', type: 'module', exports: './src/index.ts' }));
  write('shared/data.txt', 'what lies beside the sources');
  write(
    'shared/src/index.ts',
    `import { readFileSync } from 'node:fs';
     import { who } from 'pack';
     export class Kit { name: string = who; }
     export const data: string = readFileSync(new URL('../data.txt', import.meta.url), 'utf8');
     export const here: string[] = [import.meta.url, import.meta.dirname, import.meta.filename];`,
  );
  for (const [path, who] of [
    ['node_modules/pack', 'the pack of all'],
    ['services/porter/node_modules/pack', 'the pack of the porter'],
  ] as const) {
    write(`${path}/package.json`, json({ name: 'pack', main: './pack.js' }));
    write(`${path}/pack.js`, `exports.who = ${json([who])}[0];`);
  }
  for (const name of ['clerk', 'porter']) {
    write(
      `services/${name}/src/main.ts`,
      `import { data, here, Kit } from '@papergate/kit';
       import { who } from 'pack';
       console.log(JSON.stringify({ data, here, who, kit: new Kit(), named: Kit.name, own: import.meta.url }));`,
    );
  }
  mkdirSync(join(dir, 'node_modules', '@papergate'), { recursive: true });
  symlinkSync('../../shared', join(dir, 'node_modules', '@papergate', 'kit'));
  symlinkSync(ESBUILD, join(dir, 'node_modules', 'esbuild'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('the programs of a release', () => {
  test('do what their sources do, find what lies beside those, and each the packages that its service has', async () => {
    const { programs, problem } = await makePrograms(release());
    expect(problem).toBeUndefined();
    expect(Object.keys(programs)).toEqual(['clerk', 'porter']);
    for (const [name, path] of Object.entries(programs)) {
      const said = runs(path);
      expect(said).toBe(runs(`services/${name}/src/main.ts`));
      expect(said).toContain(name === 'porter' ? '"who":"the pack of the porter"' : '"who":"the pack of all"');
    }
    expect(runs(programs['porter'] ?? '')).toContain('"kit":{"name":"the pack of all"}');
    // Nothing of the workspace is looked up any more, and no types are taken out.
    rmSync(join(dir, 'shared', 'src'), { recursive: true });
    expect(runs(programs['clerk'] ?? '')).toContain('what lies beside the sources');
    expect(existsSync(join(dir, `${programs['clerk'] ?? ''}.map`))).toBe(true);
  });

  test('are made once, and anew where one was changed or they are of another manifest', async () => {
    const { programs } = await makePrograms(release());
    const path = join(dir, programs['clerk'] ?? '');
    const made = statSync(path).mtimeMs;
    expect(await makePrograms(release())).toEqual({ programs });
    expect(statSync(path).mtimeMs).toBe(made);
    expect(programsOf(release('b'.repeat(64)))).toEqual({});

    writeFileSync(path, 'console.log("something else")');
    expect(programsOf(release())).toEqual({});
    await makePrograms(release());
    expect(programsOf(release())).toEqual(programs);
    expect(runs(programs['clerk'] ?? '')).toContain('the pack of all');
    removePrograms(dir, programs);
    expect(programsOf(release())).toEqual({});
  });

  test('are none where the release has no bundler or cannot be bundled, and it is told why', async () => {
    rmSync(join(dir, 'node_modules', 'esbuild'));
    expect(await makePrograms(release())).toEqual({ programs: {}, problem: expect.stringContaining('esbuild') });
    symlinkSync(ESBUILD, join(dir, 'node_modules', 'esbuild'));
    write('services/clerk/src/main.ts', "import './gone.ts';");
    expect(await makePrograms(release())).toEqual({ programs: {}, problem: expect.stringContaining('error') });
    expect(programsOf(release())).toEqual({});
  });
});
