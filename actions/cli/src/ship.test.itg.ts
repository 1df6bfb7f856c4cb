import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { identify, isRunning, providePackages, readProcessRecord, waitFor, type ProcessId } from '@papergate/delivery';

// The real bundle, in a clone of this repository with a state folder and ports of its own.
jest.setTimeout(240_000);

const ROOT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
let clone: string;
let home: string;
let children: ChildProcess[] = [];

beforeAll(async () => {
  clone = join(mkdtempSync(join(tmpdir(), 'papergate-clone-')), 'papergate');
  execFileSync('git', ['clone', '-q', ROOT, clone], { stdio: ['ignore', 'ignore', 'pipe'] });
  // What is committed decides which packages are wanted; what is installed here serves them where it can.
  await providePackages(ROOT, clone);
  const installed = join(clone, 'node_modules');
  cpSync(join(ROOT, 'node_modules', '.package-lock.json'), join(installed, '.package-lock.json'));
  if (!existsSync(join(installed, '.bin'))) symlinkSync(join(ROOT, 'node_modules', '.bin'), join(installed, '.bin'));
});
afterAll(() => rmSync(join(clone, '..'), { recursive: true, force: true }));

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'papergate-home-'));
});
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  }
  children = [];
  rmSync(home, { recursive: true, force: true });
});

interface Running {
  child: ChildProcess;
  output(): string;
  ended: Promise<number | null>;
  /** Waits until the output has the text. */
  sees(text: string): Promise<void>;
}

/** `papergate …` as `npm start` runs it, in a process group of its own as on a terminal. */
function papergate(...args: string[]): Running {
  const child = spawn(process.execPath, [join(clone, 'actions', 'cli', 'bootstrap.mjs'), ...args], {
    cwd: clone,
    detached: true,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], PAPERGATE_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    child,
    output: () => output,
    ended,
    sees: async (text) => {
      const over = ended.then(() => 'over');
      await waitFor(async () => output.includes(text) || (await Promise.race([over, Promise.resolve('')])) === 'over', {
        timeoutMs: 200_000,
      });
      if (!output.includes(text)) throw new Error(`it never said "${text}", but:\n${output}`);
    },
  };
}

const ship = (...more: string[]): Running => papergate('ship', '--ports', 'free', '--load', 'none', ...more);

/** Everything that runs for this state folder: what is on record, and whatever has the folder in its command line. */
function processes(): ProcessId[] {
  const record = readProcessRecord(join(home, 'supervisor.json'));
  const recorded = record === undefined ? [] : [record.supervisor, ...record.processes];
  const named = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(home) && !line.includes('ps -eo'))
    .flatMap((line) => identify(Number.parseInt(line, 10)) ?? []);
  return [...recorded, ...named];
}

async function expectAllGone(seen: ProcessId[]): Promise<void> {
  expect(await waitFor(() => ![...seen, ...processes()].some(isRunning), { timeoutMs: 30_000, everyMs: 200 })).toBe(
    true,
  );
  expect(existsSync(join(home, 'supervisor.json'))).toBe(false);
}

describe('the whole bundle', () => {
  test('is delivered, is alone in its place, answers from another terminal, and is gone after Ctrl-C', async () => {
    const first = ship();
    await first.sees('staging is up; Ctrl-C stops staging');
    expect(first.output()).toContain('gate: pass');
    expect(first.output()).toMatch(/dashboard: http:\/\/127\.0\.0\.1:\d+/);
    const report = /report: (.*)/.exec(first.output())?.[1] ?? '';
    expect(readFileSync(report, 'utf8')).toContain('<html');
    const seen = processes();
    // Supervisor, PostgreSQL, eight services; and what has the folder in its arguments.
    expect(new Set(seen.map(({ pid }) => pid)).size).toBeGreaterThanOrEqual(10);

    const second = ship();
    expect(await second.ended).toBe(3);
    expect(second.output()).toMatch(
      /PLACE_TAKEN: this place is held by process \d+ on .* \(papergate staging of [0-9a-f]{12}\)/,
    );

    const status = papergate('status', '--json');
    expect(await status.ended).toBe(0);
    expect(JSON.parse(status.output())).toMatchObject({
      healthy: true,
      staging: { state: 'up', environment: 'development' },
    });

    const logs = papergate('logs', 'market-data', '-n', '1');
    expect(await logs.ended).toBe(0);

    const stage = papergate('smoke', '--json');
    expect(await stage.ended).toBe(0);

    // The whole group, as a terminal does it.
    process.kill(-(first.child.pid ?? Number.NaN), 'SIGINT');
    expect(await first.ended).toBe(0);
    expect(first.output()).toContain('staging is stopped');
    await expectAllGone(seen);
    // A second run on the same data works.
    const again = ship('--detach');
    expect(await again.ended).toBe(0);
    const stop = papergate('stop');
    expect(await stop.ended).toBe(0);
    expect(stop.output()).toContain('stopped: staging');
    await expectAllGone([]);
  });

  test.each(['validate …', 'build …', 'starting risk-manager', 'smoke …'])(
    'SIGINT at "%s" leaves no process and no port',
    async (moment) => {
      const running = ship();
      await running.sees(moment);
      const seen = processes();
      process.kill(-(running.child.pid ?? Number.NaN), 'SIGINT');
      expect(await running.ended).toBe(130);
      expect(running.output()).toContain('interrupted; nothing is left running');
      await expectAllGone(seen);
    },
  );

  test('killed outright while it is up, it takes everything with it', async () => {
    const running = ship();
    await running.sees('staging is up');
    const seen = processes();
    process.kill(-(running.child.pid ?? Number.NaN), 'SIGKILL');
    await running.ended;
    await expectAllGone(seen);
  });

  test('no secret of the run is in a file that it leaves', async () => {
    const running = ship();
    await running.sees('staging is up');
    const record = readProcessRecord(join(home, 'supervisor.json'));
    const service = record?.processes.find(({ name }) => name === 'execution-engine');
    const environment = readFileSync(`/proc/${service?.pid}/environ`, 'utf8').split('\0');
    const secrets = environment
      .filter((line) => /^(ALPACA_\w*KEY|DATABASE_URL)=/.test(line))
      .map((line) => line.slice(line.indexOf('=') + 1));
    expect(secrets).toHaveLength(3);
    for (const entry of readdirSync(home, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile() || path.startsWith(join(home, 'pg')) || path.includes('/node_modules/')) continue;
      const text = readFileSync(path, 'utf8');
      for (const secret of secrets) expect({ path, found: text.includes(secret) }).toEqual({ path, found: false });
    }
  });
});
