import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { freePorts, REQUIRED_SMOKE_CHECKS, waitFor } from '@papergate/delivery';
import { standIn, standInSmoke, wordsOf, type StandInFault } from './stand-in.ts';

let dir: string;
let port: number;
let child: ChildProcess | undefined;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-stand-in-'));
  [port] = (await freePorts(1)) as [number];
  const system = { services: { 'market-data': { http_port: port } } };
  writeFileSync(join(dir, 'system.development.json'), JSON.stringify(system));
});
afterEach(async () => {
  if (child !== undefined && child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
  child = undefined;
  rmSync(dir, { recursive: true, force: true });
});

function start(source: string): { output: () => string; code: Promise<number | null> } {
  writeFileSync(join(dir, 'main.mts'), source);
  const env = { CONFIG_DIR: dir, ENVIRONMENT: 'development', RELEASE_SHA: 'c'.repeat(40) };
  const started = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(dir, 'main.mts')], { env });
  child = started;
  let output = '';
  for (const stream of [started.stdout, started.stderr]) stream.on('data', (text: Buffer) => (output += String(text)));
  return { output: () => output, code: once(started, 'close').then(([code]) => code as number | null) };
}

const ask = (path: string): Promise<Response | undefined> =>
  fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
const answer = async (path: string): Promise<Response> => {
  const got = await waitFor(() => ask(path), { timeoutMs: 10_000 });
  if (got === undefined) throw new Error(`no answer at ${path}`);
  return got;
};

describe('a stand-in for a service', () => {
  test('is ready with the commit it was told, and ends on SIGTERM', async () => {
    const { code } = start(standIn('market-data'));
    expect((await answer('/health/ready')).status).toBe(200);
    expect(await (await answer('/health')).json()).toMatchObject({ status: 'healthy', release: 'c'.repeat(40) });
    child?.kill('SIGTERM');
    expect(await code).toBe(0);
  });

  test.each<[StandInFault, number]>([
    ['exits', 1],
    ['refuses', 2],
    ['dies-early', 1],
    ['missing-module', 1],
  ])('with the fault "%s" it ends with %d by itself, with its words', async (fault, wanted) => {
    const { code, output } = start(standIn('market-data', fault));
    expect(await code).toBe(wanted);
    if (fault !== 'missing-module') expect(output()).toContain(wordsOf('market-data', fault));
  });

  test.each<[StandInFault, string, number]>([
    ['never-ready', '/health/ready', 503],
    ['never-ready', '/health', 200],
    ['health-500', '/health/ready', 500],
  ])('with the fault "%s" it answers %s with %d', async (fault, path, status) => {
    start(standIn('market-data', fault));
    expect((await answer(path)).status).toBe(status);
  });

  test('with the fault "foreign" it names another release', async () => {
    start(standIn('market-data', 'foreign'));
    expect(await (await answer('/health')).json()).toMatchObject({ release: 'f'.repeat(40) });
  });

  test('with the fault "slow" it is ready in the end, and with "crash-loop" no longer', async () => {
    start(standIn('market-data', 'slow', 300));
    expect((await answer('/health/ready')).status).toBe(503);
    expect(await waitFor(async () => (await ask('/health/ready'))?.status === 200, { timeoutMs: 10_000 })).toBe(true);
    child?.kill('SIGKILL');
    const { code } = start(standIn('market-data', 'crash-loop'));
    expect(await waitFor(async () => (await ask('/health/ready'))?.status === 200, { timeoutMs: 10_000 })).toBe(true);
    expect(await code).toBe(1);
  });
});

test.each([undefined, 'tick: in the database'])(
  'a stand-in for the smoke test, failing %s, names every check',
  async (failed) => {
    const { code, output } = start(standInSmoke(failed));
    expect(await code).toBe(failed === undefined ? 0 : 1);
    const lines = output()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { name?: string; status?: string });
    expect(lines.flatMap(({ name }) => name ?? [])).toEqual(REQUIRED_SMOKE_CHECKS);
    expect(lines.filter(({ status }) => status === 'failed').map(({ name }) => name)).toEqual(
      failed === undefined ? [] : [failed],
    );
  },
);
