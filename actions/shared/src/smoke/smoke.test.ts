import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Secret } from '@papergate/config';
import { REQUIRED_SMOKE_CHECKS, runSmoke, SMOKED_SERVICES, type RunSmokeOptions } from './index.ts';

const URLS = Object.fromEntries(SMOKED_SERVICES.map((name, index) => [name, `http://127.0.0.1:${index + 1}`]));

/** JSON lines of a smoke test in which everything passed. */
const PASSED = `
const say = (line) => console.log(JSON.stringify(line));
const passed = (name) => say({ type: 'check', name, status: 'passed', duration_ms: 3, expected: 'this', found: 'this' });
const end = () => say({ type: 'summary', reached: true, summary: 'done', checks: 1 });
const names = ${JSON.stringify(REQUIRED_SMOKE_CHECKS)};
`;

describe('the smoke stage', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'papergate-smoke-stage-'));
    mkdirSync(join(dir, 'smoke', 'src'), { recursive: true });
    writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const smoke = (script: string, over: Partial<RunSmokeOptions> = {}) => {
    writeFileSync(join(dir, 'smoke', 'src', 'main.ts'), `${PASSED}\n${script}`);
    return runSmoke({ releaseDir: dir, urls: URLS, token: undefined, env: { PATH: process.env['PATH'] }, ...over });
  };
  const failed = async (script: string) => {
    const result = await smoke(script);
    return {
      status: result.status,
      names: result.checks.filter(({ status }) => status === 'failed').map(({ name }) => name),
      result,
    };
  };

  test('passes where every required check passed and the test ended well', async () => {
    const result = await smoke('names.forEach(passed); end();');
    expect(result.status).toBe('passed');
    expect(result.checks[0]).toEqual({
      name: 'market-data: health',
      status: 'passed',
      observed: 'this',
      limit: 'this',
      detail: '3 ms',
    });
  });

  test('fails with the check that failed', async () => {
    const script = `names.slice(1).forEach(passed);
      say({ type: 'check', name: names[0], status: 'failed', duration_ms: 1, expected: '200', found: '500' }); end(); process.exitCode = 1;`;
    expect(await failed(script)).toMatchObject({ status: 'failed', names: ['market-data: health'] });
  });

  test.each([
    ['a required check is missing', 'names.slice(1).forEach(passed); end();', 'market-data: health'],
    ['the test ends without its last line', 'names.forEach(passed);', 'smoke test'],
    ['the test says nothing', '', 'smoke test'],
    ['the test crashes at its end', `names.forEach(passed); end(); throw new Error('boom');`, 'smoke test'],
    ['the test exits 1 and does not say why', 'names.forEach(passed); end(); process.exitCode = 1;', 'smoke test'],
    ['the test does not take its arguments', 'names.forEach(passed); end(); process.exitCode = 2;', 'smoke test'],
    ['no service was reached', `say({ type: 'summary', reached: false }); process.exitCode = 3;`, 'smoke test'],
    ['the test is killed', `names.forEach(passed); end(); process.kill(process.pid, 'SIGKILL');`, 'smoke test'],
    [
      'a check has no status',
      `say({ type: 'check', name: names[0] }); names.slice(1).forEach(passed); end();`,
      'market-data: health',
    ],
  ])('fails where %s', async (_title, script, name) => {
    const { status, names } = await failed(script);
    expect(status).toBe('failed');
    expect(names).toContain(name);
  });

  test('hands on the URLs, the simulator only where there is one, and the token by a private file that is gone afterwards', async () => {
    const script = `import { readFileSync, statSync, writeFileSync } from 'node:fs';
      const file = process.argv[process.argv.indexOf('--token-file') + 1];
      writeFileSync(${JSON.stringify(join(dir, 'seen.json'))}, JSON.stringify({
        args: process.argv.slice(2), file, token: readFileSync(file, 'utf8'), mode: statSync(file).mode & 0o777, env: Object.keys(process.env) }));
      names.forEach(passed); end();`;
    const result = await smoke(script, {
      urls: { ...URLS, 'paper-exchange': 'http://127.0.0.1:99' },
      token: new Secret('the-token'),
      env: { PATH: process.env['PATH'], ALPACA_SECRET_KEY: 'x' },
    });
    const seen = JSON.parse(readFileSync(join(dir, 'seen.json'), 'utf8')) as Record<string, unknown> & {
      args: string[];
      file: string;
    };
    expect(seen).toMatchObject({ token: 'the-token', mode: 0o600 });
    expect(seen.args.join(' ')).toContain('--orchestrator http://127.0.0.1:5');
    expect(seen.args.join(' ')).toContain('--exchange http://127.0.0.1:99');
    expect(seen.args.join(' ')).not.toContain('the-token');
    expect(seen['env']).not.toContain('ALPACA_SECRET_KEY');
    expect(() => readFileSync(seen.file)).toThrow('ENOENT');
    expect(JSON.stringify(result)).not.toContain('the-token');
  });

  test('tells each check as it comes', async () => {
    const seen: string[] = [];
    await smoke('names.forEach(passed); end();', { onProgress: ({ message }) => seen.push(message) });
    expect(seen).toEqual(REQUIRED_SMOKE_CHECKS.map((name) => `✔ ${name}`));
  });

  test('lets an interrupted test put back what it changed', async () => {
    const aborter = new AbortController();
    const mark = join(dir, 'reset');
    const script = `import { writeFileSync } from 'node:fs';
      process.on('SIGINT', () => { writeFileSync(${JSON.stringify(mark)}, 'yes'); process.exit(1); });
      passed(names[0]); setInterval(() => {}, 1000);`;
    const run = smoke(script, { signal: aborter.signal, onProgress: () => aborter.abort(new Error('interrupted')) });
    await expect(run).rejects.toThrow('interrupted');
    expect(readFileSync(mark, 'utf8')).toBe('yes');
  });

  test('refuses to start when a URL is missing', async () => {
    const { dashboard: _gone, ...urls } = URLS;
    await expect(smoke('', { urls })).rejects.toThrow(/URL of dashboard, found: none/);
  });

  test('requires exactly what the smoke test of this repository checks', async () => {
    const root = fileURLToPath(new URL('../../../..', import.meta.url));
    const double = spawn(process.execPath, [join(root, 'smoke', 'src', 'testing', 'main.ts')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    try {
      const [line] = (await once(createInterface({ input: double.stdout }), 'line')) as [string];
      const urls = JSON.parse(line) as Record<string, string>;
      const result = await runSmoke({ releaseDir: root, urls, token: undefined, env: { PATH: process.env['PATH'] } });
      expect(result.checks.filter(({ status }) => status === 'failed')).toEqual([]);
      const names = result.checks.map(({ name }) => name).filter((name) => !name.startsWith('paper-exchange: '));
      expect(names.sort()).toEqual([...REQUIRED_SMOKE_CHECKS].sort());
    } finally {
      double.stdin.end();
      await once(double, 'exit');
    }
  });
});
