import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { recorder, runAction, startSshd, type TestSshd } from '@papergate/delivery';
import { makeWorld, serveWorld, type ServedWorld } from '@papergate/delivery/gate-testing';
import { gate } from './gate.ts';
import { INPUTS, OUTPUTS } from './inputs.ts';

let sshd: TestSshd;
let dir: string;
let served: ServedWorld | undefined;
beforeAll(async () => {
  sshd = await startSshd();
});
afterAll(() => sshd.stop());
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-gate-'));
});
afterEach(async () => {
  await served?.close();
  served = undefined;
  rmSync(dir, { recursive: true });
});

const production = async (env: Record<string, string>, { url } = sshd) => {
  served ??= await serveWorld(await makeWorld(), dir);
  const runner = recorder({ PATH: process.env['PATH'] ?? '', HOME: dir, ...served.env, INPUT_HOST: url, ...env });
  await runAction({ name: 'gate', inputs: INPUTS, outputs: OUTPUTS, main: gate }, runner);
  return runner;
};
const keys = ({ identity, knownHosts } = sshd) => ({
  'INPUT_SSH-KEY': readFileSync(identity, 'utf8'),
  'INPUT_KNOWN-HOSTS': readFileSync(knownHosts, 'utf8'),
});

describe('a Prometheus on the loopback of a machine behind SSH', () => {
  test('is read through a tunnel, and no key stays', async () => {
    const { outputs, annotations } = await production(keys());
    expect(annotations).toEqual([]);
    expect(outputs.get('verdict')).toBe('pass');
    expect(readdirSync(dir).filter((name) => name.includes('private'))).toEqual([]);
  });

  test('wants nothing but the tunnel: a key that opens only that, as setup.md has it, is enough', async () => {
    served = await serveWorld(await makeWorld(), dir);
    const { port } = new URL(served.env['INPUT_PROMETHEUS-URL'] ?? '');
    const page = readFileSync(join(import.meta.dirname, '../../../docs/setup.md'), 'utf8');
    const line = /^restrict,port-forwarding,permitopen="127\.0\.0\.1:9091".*(?= ssh-ed25519 )/m.exec(page)?.[0] ?? '';
    expect(line).toContain('command=');
    const narrow = await startSshd({ keyOptions: line.replace(':9091', `:${port}`) });
    try {
      const { outputs, annotations } = await production(keys(narrow), narrow);
      expect(annotations).toEqual([]);
      expect(outputs.get('verdict')).toBe('pass');
      const ssh = (...args: string[]): string =>
        spawnSync('ssh', ['-T', '-F', 'none', ...args], { encoding: 'utf8', input: '', timeout: 10_000 }).stdout;
      const login = ['-i', narrow.identity, '-o', `UserKnownHostsFile=${narrow.knownHosts}`, '-p', String(narrow.port)];
      expect(ssh(...login, '127.0.0.1', 'echo $((40 + 2)); echo $((40 + 2))')).not.toContain('42');
      expect(ssh(...login, '-W', `127.0.0.1:${sshd.port}`, '127.0.0.1')).toBe('');
    } finally {
      await narrow.stop();
    }
  });

  test('blocks where the machine is another one than it was', async () => {
    const { outputs } = await production({ ...keys(), 'INPUT_KNOWN-HOSTS': readFileSync(sshd.changedHosts, 'utf8') });
    const reasons = JSON.parse(outputs.get('reasons') ?? '[]') as { rule: string; code: string }[];
    expect(reasons.map(({ rule }) => rule)).toEqual(['clock', 'monitoring', 'alerts', 'error-log']);
    expect(new Set(reasons.map(({ code }) => code))).toEqual(new Set(['HOST_KEY_REFUSED']));
  });

  test('has an address on that loopback, or is refused', async () => {
    const { outputs } = await production({ ...keys(), 'INPUT_PROMETHEUS-URL': 'https://prometheus.example.com' });
    expect(Object.fromEntries(outputs)).toMatchObject({ verdict: 'failed', 'reason-code': 'INPUT_INVALID' });
  });
});
