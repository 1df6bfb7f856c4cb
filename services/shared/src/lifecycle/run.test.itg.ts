import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { SystemConfig } from '@papergate/config';
import { until } from '../testing/until.ts';

const ECHO = fileURLToPath(new URL('../testing/echo-service.ts', import.meta.url));
const CONFIG = fileURLToPath(new URL('../../../../config', import.meta.url));

let configDir: string;
let port: number;
const children: ChildProcess[] = [];

beforeEach(async () => {
  configDir = mkdtempSync(join(tmpdir(), 'papergate-run-'));
  for (const environment of ['development', 'staging', 'production'])
    cpSync(join(CONFIG, `system.${environment}.json`), join(configDir, `system.${environment}.json`));
  for (const file of ['risk_limits.toml', 'risk_limits.development.toml', 'risk_limits.staging.toml'])
    cpSync(join(CONFIG, file), join(configDir, file));
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  port = (probe.address() as AddressInfo).port;
  await new Promise((resolve) => probe.close(resolve));
  edit('development', (system) => {
    system.services.dashboard.http_port = port;
    system.shutdown_timeout_ms = 500;
  });
  edit('production', (system) => {
    system.services.dashboard.http_port = port;
  });
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(configDir, { recursive: true, force: true });
});

function edit(environment: string, change: (system: SystemConfig) => void): void {
  const file = join(configDir, `system.${environment}.json`);
  const system = JSON.parse(readFileSync(file, 'utf8')) as SystemConfig;
  change(system);
  writeFileSync(file, JSON.stringify(system));
}

const paperKey = (): string =>
  `PK${randomBytes(30)
    .toString('base64')
    .replace(/[^A-Z]/gi, '')
    .toUpperCase()
    .padEnd(18, 'Q')
    .slice(0, 18)}`;

const secretKey = (): string =>
  randomBytes(40)
    .toString('base64')
    .replace(/[^A-Za-z0-9]/g, 'x')
    .slice(0, 40);

function start(env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [ECHO], {
    env: {
      PATH: process.env['PATH'],
      ENVIRONMENT: 'development',
      CONFIG_DIR: configDir,
      ...('ALPACA_API_KEY_FILE' in env ? {} : { ALPACA_API_KEY: paperKey(), ALPACA_SECRET_KEY: secretKey() }),
      DRY_RUN: 'true',
      ALPACA_PAPER: 'true',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  children.push(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (output.stderr += text));
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    child,
    output,
    exited,
    up: () =>
      until('the service to be up', () =>
        fetch(`http://127.0.0.1:${port}/health`).then(
          ({ ok }) => ok,
          () => false,
        ),
      ),
  };
}

describe('a service process', () => {
  test('comes up, stops on SIGTERM after finishing what it holds, and exits 0', async () => {
    const service = start();
    await service.up();
    service.child.kill('SIGTERM');
    expect(await service.exited).toBe(0);
    expect(service.output.stdout).toContain('finished what was held');
    expect(service.output.stderr).toBe('');
  });

  test('in a container takes its secrets from files, binds LISTEN_HOST and answers to its configured name', async () => {
    const token = randomBytes(12).toString('hex');
    const secrets = { API_TOKEN: token, ALPACA_API_KEY: paperKey(), ALPACA_SECRET_KEY: secretKey() };
    const files = Object.entries({ ...secrets, DATABASE_URL: 'postgres://papergate:word@postgres:5432/papergate' });
    for (const [name, value] of files) writeFileSync(join(configDir, name), `${value}\n`);
    edit('development', (system) => {
      system.services.dashboard.host = 'dashboard';
    });
    const service = start({
      LISTEN_HOST: '0.0.0.0',
      ...Object.fromEntries(files.map(([name]) => [`${name}_FILE`, join(configDir, name)])),
    });
    await service.up();
    const ask = (path: string, headers: Record<string, string>) =>
      new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
        get({ host: '127.0.0.1', port, path, headers }, (answer) => {
          let text = '';
          answer.on('data', (part: Buffer) => void (text += String(part)));
          answer.on('end', () => resolve({ status: answer.statusCode, text }));
        }).on('error', reject);
      });
    const authorization = `Bearer ${token}`;
    const own = { host: `dashboard:${port}`, authorization };
    expect((await ask('/health', { host: `dashboard:${port}` })).status).toBe(200);
    expect((await ask('/metrics', { host: `dashboard:${port}` })).status).toBe(401);
    expect((await ask('/metrics', { ...own, host: 'orchestrator' })).status).toBe(403);
    const metrics = (await ask('/metrics', own)).text;
    expect(metrics).toMatch(/papergate_log_lines_total\{level="info",service="dashboard"\} [1-9]/);
    expect(metrics).toMatch(/papergate_log_lines_total\{level="error",service="dashboard"\} 0/);
    for (const name of ['free', 'size'])
      expect(metrics).toMatch(new RegExp(`papergate_disk_${name}_bytes\\{.*\\} [1-9]`));
    const config = (await ask('/api/v1/config', own)).text;
    service.child.kill('SIGTERM');
    expect(await service.exited).toBe(0);
    for (const [, value] of files) expect(config + service.output.stdout + service.output.stderr).not.toContain(value);
  });

  test('off loopback, by its configuration or by LISTEN_HOST, wants a token: exit 2', async () => {
    const service = start({ LISTEN_HOST: '0.0.0.0' });
    expect(await service.exited).toBe(2);
    expect(service.output.stderr).toContain('API_TOKEN is missing; dashboard runs in development on 0.0.0.0');
  });

  test('stops when the pipe of the supervisor that watches it closes', async () => {
    const service = start({ PAPERGATE_WATCH_STDIN: 'true' });
    await service.up();
    service.child.stdin?.end();
    expect(await service.exited).toBe(0);
  });

  test('that cannot finish in its time says so and exits 3', async () => {
    const service = start({ ECHO_STOP: 'never' });
    await service.up();
    service.child.kill('SIGTERM');
    expect(await service.exited).toBe(3);
    expect(service.output.stderr).toContain('SHUTDOWN_TIMEOUT');
  });

  test('whose port is taken names it and exits 3, without a stack', async () => {
    const first = start();
    await first.up();
    const second = start();
    expect(await second.exited).toBe(3);
    expect(second.output.stderr).toContain(`PORT_IN_USE: dashboard cannot listen on 127.0.0.1:${port}`);
    expect(second.output.stderr).not.toContain('    at ');
  });

  test.each(['fail', 'later'])('that breaks (%s) exits 3 with the cause', async (how) => {
    const service = start({ ECHO_START: how });
    expect(await service.exited).toBe(3);
    expect(service.output.stderr).toMatch(/the start went wrong|lost for good/);
  });

  test.each<[string, Record<string, string>, RegExp]>([
    [
      'an environment that is none',
      { ENVIRONMENT: 'prod' },
      /ENVIRONMENT is "prod", allowed: development, staging, production/,
    ],
    ['a boolean that is none', { DRY_RUN: 'yes' }, /DRY_RUN/],
    ['dry-run switched off', { DRY_RUN: 'false' }, /DRY_RUN/],
    ['paper switched off', { ALPACA_PAPER: 'false' }, /ALPACA_PAPER/],
    ['a live key', { ALPACA_API_KEY: paperKey().replace(/^PK/, 'A'.concat('K')) }, /live/i],
    ['a live key under another name', { SOME_NOTE: paperKey().replace(/^PK/, 'A'.concat('K')) }, /SOME_NOTE/],
    ['the live host', { ALPACA_BASE_URL: 'https://api.alpaca.markets' }, /ALPACA_BASE_URL/],
    ['no key', { ALPACA_API_KEY: '' }, /ALPACA_API_KEY/],
    [
      'staging without a token',
      { ENVIRONMENT: 'staging', ALPACA_BASE_URL: 'https://paper-api.alpaca.markets' },
      /API_TOKEN/,
    ],
    ['a folder that does not exist', { CONFIG_DIR: '/nonexistent' }, /nonexistent/],
    ['a log level that is none', { LOG_LEVEL: 'loud' }, /LOG_LEVEL is "loud"/],
  ])('refuses to start with %s: exit 2, the thing is named, no stack', async (_what, env, words) => {
    const service = start(env);
    expect(await service.exited).toBe(2);
    expect(service.output.stderr).toMatch(words);
    expect(service.output.stderr).not.toContain('    at ');
    for (const name of ['ALPACA_API_KEY', 'SOME_NOTE']) {
      const value = env[name];
      if (value !== undefined && value !== '')
        expect(service.output.stderr + service.output.stdout).not.toContain(value);
    }
  });
});

describe('a service process in production', () => {
  const commit = randomBytes(20).toString('hex');
  const evidence = {
    approved: true,
    commit,
    manifest_digest: `sha256:${randomBytes(32).toString('hex')}`,
    approved_by: ['first', 'second'],
    approved_at: '2026-01-02T03:04:05Z',
  };

  /** In production, behind a gate that left this text; undefined: it left nothing. */
  function startLive(text: string | undefined, env: Record<string, string> = {}) {
    const file = join(configDir, 'gate.json');
    if (text !== undefined) writeFileSync(file, text);
    return start({
      ENVIRONMENT: 'production',
      DRY_RUN: 'false',
      ALPACA_PAPER: 'false',
      ALPACA_API_KEY: paperKey().replace(/^PK/, 'A'.concat('K')),
      API_TOKEN: randomBytes(12).toString('hex'),
      RELEASE_SHA: commit,
      GATE_EVIDENCE_FILE: file,
      ...env,
    });
  }

  test('starts with the evidence of the gate for the commit that runs', async () => {
    const service = startLive(JSON.stringify(evidence));
    await service.up();
    service.child.kill('SIGTERM');
    expect(await service.exited).toBe(0);
    expect(service.output.stderr).toBe('');
  });

  test.each<[string, string | undefined, Record<string, string>, RegExp]>([
    ['no GATE_EVIDENCE_FILE', undefined, { GATE_EVIDENCE_FILE: '' }, /\[gate\].*there is no evidence of it/],
    ['a file that is not there', undefined, {}, /GATE_EVIDENCE_UNREADABLE: .*cannot be read/],
    ['half of the JSON', JSON.stringify(evidence).slice(0, -9), {}, /GATE_EVIDENCE_UNREADABLE: .* is no JSON\n/],
    ['evidence of another commit', JSON.stringify({ ...evidence, commit: 'a'.repeat(40) }), {}, /another commit than/],
  ])('refuses to start with %s: exit 2', async (_what, text, env, words) => {
    const service = startLive(text, env);
    expect(await service.exited).toBe(2);
    expect(service.output.stderr).toMatch(words);
    expect(service.output.stderr).not.toContain('    at ');
    expect(service.output.stdout).toBe('');
  });
});
