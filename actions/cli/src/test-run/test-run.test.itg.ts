import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { identify, run } from '@papergate/delivery';
import type { ContainerTests } from './run.ts';

jest.setTimeout(60_000);

const MAIN = fileURLToPath(new URL('run.ts', import.meta.url));
const OUTPUT = fileURLToPath(new URL('../output.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-tests-'));
  mkdirSync(join(dir, 'node_modules', '.bin'), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules', 'jest'), join(dir, 'node_modules', 'jest'));
  for (const program of ['oxfmt', 'oxlint', 'tsc', 'turbo']) check(program, true);
  write('package.json', JSON.stringify({ jest: { testMatch: ['**/*.test.mjs'], transform: {} } }));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function write(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text, { mode });
}

function check(program: string, passes: boolean): void {
  rmSync(join(dir, 'node_modules', '.bin', program), { force: true });
  write(`node_modules/.bin/${program}`, `#!/bin/sh\necho "${program} says"\nexit ${passes ? 0 : 1}\n`, 0o755);
}

/** The runner, in a process of its own: what it prints, and what jest prints through it. */
async function runTests(
  containers: ContainerTests = 'none',
  ensure = 'async () => { throw new Error("nobody asked for containers"); }',
  meanwhile = '',
): Promise<{ code: number | null; lines: string[] }> {
  const script = `
    import { existsSync, writeFileSync } from 'node:fs';
    import { ExternalError } from '@papergate/config';
    import { waitFor } from '@papergate/delivery';
    import { runTests } from ${JSON.stringify(MAIN)};
    import { makeOutput } from ${JSON.stringify(OUTPUT)};
    const stop = new AbortController();
    void (async () => { ${meanwhile} })();
    process.exitCode = await runTests({ repository: ${JSON.stringify(dir)}, env: process.env, paths: [],
      containers: ${JSON.stringify(containers)}, ensureContainers: ${ensure},
      output: makeOutput(process.stdout, process.stderr, {}), signal: stop.signal });`;
  const env = { ...process.env, NODE_OPTIONS: '' };
  const { code, stdout, stderr } = await run(process.execPath, ['--input-type=module-typescript', '-e', script], {
    cwd: dirname(MAIN),
    env,
  });
  return { code, lines: `${stderr}${stdout}`.trimEnd().split('\n') };
}

const PASSING = `test('one', () => {}); test('two', () => {});`;

describe('papergate test', () => {
  test('counts tests and checks, and its last line says it plainly', async () => {
    write('a.test.mjs', PASSING);
    const { code, lines } = await runTests();
    expect(lines.at(-1)).toBe('6 passed, 0 failed');
    expect(code).toBe(0);
    expect(lines).toContainEqual(expect.stringMatching(/✔ a\.test\.mjs 2 of 2/));
    expect(lines).toContainEqual(expect.stringMatching(/✔ {2}boundaries/));
  });

  test('a failing test is shown with its message, and fails', async () => {
    write('a.test.mjs', `${PASSING} test('three', () => { throw new Error('it is wrong'); });`);
    const { code, lines } = await runTests();
    expect(lines.at(-1)).toBe('6 passed, 1 failed');
    expect(code).toBe(1);
    expect(lines.join('\n')).toContain('it is wrong');
  });

  test('what failed is told again at the end, before the counts', async () => {
    write('a.test.mjs', `${PASSING} test('three', () => { throw new Error('it is wrong'); });`);
    const { lines } = await runTests();
    const end = lines.slice(lines.indexOf('failed:')).join('\n');
    expect(end).toContain('a.test.mjs');
    expect(end).toContain('it is wrong');
  });

  describe('a test with real parts that failed', () => {
    const once = `import { existsSync, writeFileSync } from 'node:fs';
      ${PASSING}
      test('three', () => {
        if (existsSync('seen')) return;
        writeFileSync('seen', '');
        throw new Error('the machine was busy');
      });`;
    beforeEach(() => {
      write(
        'package.json',
        JSON.stringify({ jest: { testMatch: ['**/*.test.mjs', '**/*.test.itg.mjs'], transform: {} } }),
      );
      write('a.test.mjs', PASSING);
    });

    test('is run again alone; where it passes, it counts as passed and is told', async () => {
      write('b.test.itg.mjs', once);
      const { code, lines } = await runTests();
      expect(lines.at(-1)).toBe('9 passed, 0 failed');
      expect(code).toBe(0);
      const told = lines.slice(lines.indexOf('failed at first, passed when run again alone:')).join('\n');
      expect(told).toContain('b.test.itg.mjs');
      expect(told).toContain('the machine was busy');
    });

    test('and fails again, has failed', async () => {
      write('b.test.itg.mjs', `${PASSING} test('three', () => { throw new Error('it is wrong'); });`);
      const { code, lines } = await runTests();
      expect(lines.at(-1)).toBe('8 passed, 1 failed');
      expect(code).toBe(1);
    });

    test.each([
      ['no unit test', { 'b.test.mjs': once }],
      ['no chaos', { 'x/chaos.test.itg.mjs': once }],
      [
        'none whose cases are drawn',
        { 'b.test.itg.mjs': once.replace('the machine', 'Property failed after 3 tests') },
      ],
      [
        'none beside a unit test that failed',
        { 'b.test.itg.mjs': once, 'c.test.mjs': once.replaceAll('seen', 'other') },
      ],
      [
        'none of four',
        Object.fromEntries(['b', 'c', 'd', 'e'].map((n) => [`${n}.test.itg.mjs`, once.replaceAll('seen', n)])),
      ],
    ])('%s is run again', async (_what, files) => {
      for (const [path, text] of Object.entries(files)) write(path, text);
      const { code, lines } = await runTests();
      expect(code).toBe(1);
      expect(lines.join('\n')).not.toContain('tests again');
    });
  });

  test('a failing check is shown with what it said, and fails', async () => {
    write('a.test.mjs', PASSING);
    check('oxlint', false);
    const { code, lines } = await runTests();
    expect(lines.at(-1)).toBe('5 passed, 1 failed');
    expect(code).toBe(1);
    expect(lines).toContain('    oxlint says');
  });

  test('a test file that cannot be loaded fails by name', async () => {
    write('a.test.mjs', PASSING);
    write('b.test.mjs', 'this is no program');
    const { code, lines } = await runTests();
    expect(lines.at(-1)).toMatch(/^6 passed, [1-9]\d* failed$/);
    expect(code).toBe(1);
    expect(lines.join('\n')).toContain('b.test.mjs');
  });

  test('no test at all is a failure', async () => {
    const { code, lines } = await runTests();
    expect(lines.at(-1)).toBe('4 passed, 1 failed');
    expect(code).toBe(1);
    expect(lines.join('\n')).toMatch(/no test was run|left no result/);
  });

  test('tests that do not run here are listed', async () => {
    write('a.test.mjs', `${PASSING} test.skip('needs a browser', () => {});`);
    const { code, lines } = await runTests();
    expect(lines.at(-1)).toBe('6 passed, 0 failed');
    expect(code).toBe(0);
    expect(lines.join('\n')).toContain('1 tests could not run on this machine:\n  a.test.mjs › needs a browser');
  });

  describe('with tests that need a Docker Engine', () => {
    const stopped = (): string => join(dir, 'stopped');
    const engine = (): string =>
      `async () => ({ env: { PATH: process.env.PATH, DOCKER_HOST: 'unix:///x', DOCKER_CONFIG: '/y' }, registry: '127.0.0.1:1',
        engine: { version: '26.1.5', started: true }, stop: async () => writeFileSync(${JSON.stringify(stopped())}, '') })`;
    const none = `async () => { throw new ExternalError({ code: 'CONTAINERS_MISSING', message: 'no Docker Engine here: not root', fix: 'be root' }); }`;
    const CONTAINER_TEST = `
      test('it has an engine', () => { expect(process.env.DOCKER_HOST).toBe('unix:///x'); });
      test('and a registry', () => { expect(JSON.parse(process.env.PAPERGATE_TEST_CONTAINERS).registry).toBe('127.0.0.1:1'); });`;
    beforeEach(() => {
      write('a.test.mjs', PASSING);
      write('b.test.ctr.ts', CONTAINER_TEST);
    });

    test('they run after the others, count with them, and the engine is stopped', async () => {
      const { code, lines } = await runTests('possible', engine());
      expect(lines.at(-1)).toBe('8 passed, 0 failed');
      expect(code).toBe(0);
      expect(lines).toContainEqual(expect.stringMatching(/✔ {2}container tests .* 2 of 2 in 1 files/));
      expect(existsSync(stopped())).toBe(true);
    });

    test('those that want the machine alone run after them, and count as well', async () => {
      write('c.alone.ctr.ts', CONTAINER_TEST);
      const { code, lines } = await runTests('possible', engine());
      expect(lines.at(-1)).toBe('10 passed, 0 failed');
      expect(code).toBe(0);
      expect(lines).toContainEqual(expect.stringMatching(/✔ {2}container tests alone .* 2 of 2 in 1 files/));
    });

    test('where none of them ran, that is a failure', async () => {
      rmSync(join(dir, 'b.test.ctr.ts'));
      const { code, lines } = await runTests('possible', engine());
      expect(lines.at(-1)).toBe('6 passed, 1 failed');
      expect(lines.join('\n')).toContain('no test was run');
      expect(code).toBe(1);
    });

    test('a failing one fails, and the engine is stopped', async () => {
      write('b.test.ctr.ts', `test('it', () => { throw new Error('it is wrong'); });`);
      const { code, lines } = await runTests('possible', engine());
      expect(lines.at(-1)).toBe('6 passed, 1 failed');
      expect(code).toBe(1);
      expect(existsSync(stopped())).toBe(true);
    });

    test.each(['b.test.ctr.ts', 'c.alone.ctr.ts'])(
      'a failing file is run once more, alone and from its beginning: %s',
      async (file) => {
        const ran = join(dir, 'ran');
        // The cases of a file are tried twice by themselves; what its set-up left wrong stays wrong for both.
        write(
          file,
          `import { existsSync, writeFileSync } from 'node:fs';
          let wrong;
          beforeAll(() => { wrong = !existsSync(${JSON.stringify(ran)}); writeFileSync(${JSON.stringify(ran)}, ''); });
          test('it', () => { if (wrong) throw new Error('the machine was busy'); });`,
        );
        const { code, lines } = await runTests('possible', engine());
        expect(lines.at(-1)).toMatch(/, 0 failed$/);
        expect(code).toBe(0);
        const told = lines.slice(lines.indexOf('failed at first, passed when run again alone:')).join('\n');
        expect(told).toContain(file);
        expect(told).toContain('the machine was busy');
      },
    );

    test('without an engine one line says so, and nothing has failed', async () => {
      const { code, lines } = await runTests('possible', none);
      expect(lines).toContain('no Docker Engine here: not root; container tests were not run');
      expect(lines.at(-1)).toBe('6 passed, 0 failed');
      expect(code).toBe(0);
    });

    test('without an engine it fails where they are required', async () => {
      const { code, lines } = await runTests('required', none);
      expect(lines.at(-1)).toBe('6 passed, 1 failed');
      expect(code).toBe(1);
    });

    test('they can be had alone', async () => {
      const { code, lines } = await runTests('only', engine());
      expect(lines.at(-1)).toBe('2 passed, 0 failed');
      expect(code).toBe(0);
      expect(lines.join('\n')).not.toContain('format');
    });
  });

  describe('the longest files', () => {
    const longest = async (): Promise<string[]> => {
      const found: unknown = await import(new URL('../../jest/sequencer.mjs', import.meta.url).href);
      return (found as { LONGEST: string[] }).LONGEST;
    };

    test('are files of the repository', async () => {
      const paths = await longest();
      expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
      expect(new Set(paths).size).toBe(paths.length);
    });

    // Two go at a time: where two others went first, both would wait in vain.
    test.each([
      ['tests', /\.test\.itg\.ts$/, 'none'],
      ['container tests', /\.test\.ctr\.ts$/, 'only'],
    ] as const)('begin first where nothing is known of any: %s', async (_suite, name, containers) => {
      const [first = ''] = (await longest()).filter((path) => name.test(path));
      const begun = join(dir, 'begun');
      const fs = `const { existsSync, writeFileSync } = await import('node:fs');`;
      write(first, `test('it', async () => { ${fs} writeFileSync(${JSON.stringify(begun)}, ''); });`);
      const waits = `
        test('it', async () => {
          ${fs}
          for (let ms = 0; !existsSync(${JSON.stringify(begun)}); ms += 50) {
            if (ms > 10_000) throw new Error('the longest has not begun');
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
        }, 20_000);`;
      const ending = first.slice(first.indexOf('.'));
      for (const other of ['a', 'b', 'c']) write(`${other}${ending}`, waits);
      write('package.json', JSON.stringify({ jest: { testMatch: ['**/*.test.itg.ts'], transform: {} } }));
      const engine = `async () => ({ env: {}, registry: '', engine: { version: '1' }, stop: async () => {} })`;
      const { lines } = await runTests(containers, engine);
      expect(lines.at(-1)).toBe(`${containers === 'only' ? 4 : 8} passed, 0 failed`);
      // Nor only in a second try.
      expect(lines.join('\n')).not.toContain('the longest has not begun');
    });
  });

  describe('what a test starts in a session of its own', () => {
    const begun = (): string => join(dir, 'begun');
    /** It starts one that would stay, of which only the environment says where it comes from, and then `then` happens. */
    const detaches = (then: string): string => `
      test('it', async () => {
        const { spawn } = await import('node:child_process');
        const { tmpdir } = await import('node:os');
        const { existsSync, mkdtempSync, renameSync, writeFileSync } = await import('node:fs');
        const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'left-by-a-test'], {
          cwd: '/', detached: true, stdio: 'ignore',
        });
        child.unref();
        const made = mkdtempSync(tmpdir() + '/made-');
        writeFileSync(${JSON.stringify(`${begun()}.part`)}, JSON.stringify({ pid: child.pid, made }));
        renameSync(${JSON.stringify(`${begun()}.part`)}, ${JSON.stringify(begun())});
        ${then}
      }, 60_000);`;
    const told = (): { pid: number; made: string } => {
      const known: unknown = JSON.parse(readFileSync(begun(), 'utf8'));
      return known as { pid: number; made: string };
    };

    test('is ended with the run, and told; its temporary files go with it', async () => {
      write('a.test.mjs', detaches(''));
      const { lines } = await runTests();
      const { pid, made } = told();
      expect({ running: identify(pid) !== undefined, files: existsSync(made) }).toEqual({
        running: false,
        files: false,
      });
      expect(lines.slice(lines.indexOf('still ran after the tests, and were ended:')).join('\n')).toContain(
        'left-by-a-test',
      );
    });

    test('is ended as well where somebody interrupts the run', async () => {
      write('a.test.mjs', detaches('await new Promise(() => {});'));
      const { lines } = await runTests(
        'none',
        undefined,
        `await waitFor(() => existsSync(${JSON.stringify(begun())}), { timeoutMs: 30_000 }); stop.abort(new Error('interrupted'));`,
      );
      const { pid, made } = told();
      expect({ running: identify(pid) !== undefined, files: existsSync(made) }).toEqual({
        running: false,
        files: false,
      });
      expect(lines.join('\n')).toContain('interrupted');
    });
  });

  test('a missing program is a failing check and not a crash', async () => {
    write('a.test.mjs', PASSING);
    rmSync(join(dir, 'node_modules', '.bin', 'tsc'));
    const { lines } = await runTests();
    expect(lines.at(-1)).toBe('5 passed, 1 failed');
    expect(lines.join('\n')).toContain('run "npm run setup"');
  });
});
