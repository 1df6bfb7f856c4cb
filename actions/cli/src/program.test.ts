import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { UserError } from '@papergate/config';
import { acquireLease } from '@papergate/delivery';
import { buildProgram, runProgram } from './program.ts';
import { testContext, type TestContext } from './testing.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-cli-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function run(line: string, made: TestContext = testContext(dir)): Promise<TestContext> {
  await runProgram(buildProgram(made.context, '1.2.3'), line.split(' ').filter(Boolean), made.context);
  return made;
}

async function mistake(line: string): Promise<UserError> {
  const error: unknown = await run(line).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof UserError) return error;
  throw new Error(`"${line}" was taken: ${String(error)}`);
}

describe('mistakes on the command line', () => {
  test.each([
    ['shp', "unknown command 'shp' (Did you mean ship?)", 'see papergate --help'],
    ['xyzzy', "unknown command 'xyzzy'", 'see papergate --help'],
    ['ship --lod full', "unknown option '--lod' (Did you mean --load?)", 'see papergate ship --help'],
    [
      'ship --load fast',
      "option '--load <profile>' argument 'fast' is invalid. allowed: full, quick, none",
      'see papergate ship --help',
    ],
    ['ship --load', "option '--load <profile>' argument missing", 'see papergate ship --help'],
    ['ship --environment production', 'allowed: development, staging', 'see papergate ship --help'],
    ['ship --environment Staging', 'allowed: development, staging', 'see papergate ship --help'],
    ['ship --ports 8080', 'allowed: default, free', 'see papergate ship --help'],
    ['ship --target nowhere', 'allowed: process, compose, kubernetes, systemd', 'see papergate ship --help'],
    ['ship extra', 'too many arguments', 'see papergate ship --help'],
    ['logs -n -1', 'allowed: a whole number from 0 to 10000', 'see papergate logs --help'],
    ['logs -n 1e3', 'allowed: a whole number from 0 to 10000', 'see papergate logs --help'],
    ['logs -n 10001', 'allowed: a whole number from 0 to 10000', 'see papergate logs --help'],
    ['logs --tail', "unknown option '--tail'", 'see papergate logs --help'],
    ['status --jsn', "unknown option '--jsn' (Did you mean --json?)", 'see papergate status --help'],
    ['stop --force', "unknown option '--force'", 'see papergate stop --help'],
    ['validate --offlin', "unknown option '--offlin' (Did you mean --offline?)", 'see papergate validate --help'],
    ['validate --environment test', 'allowed: development, staging, production', 'see papergate validate --help'],
    ['load --profile none', 'allowed: full, quick', 'see papergate load --help'],
    ['gate --max-age 0', 'allowed: a whole number from 1 to 100000', 'see papergate gate --help'],
    ['gate --require lod', 'allowed: validate, build, push', 'see papergate gate --help'],
    ['smoke --url x', "unknown option '--url'", 'see papergate smoke --help'],
    ['emergency-stop --reason', 'argument missing', 'see papergate emergency-stop --help'],
    ['rollback', "missing required argument 'sha'", 'see papergate rollback --help'],
    ['rollback 0123456 --restore-db', 'argument missing', 'see papergate rollback --help'],
    ['rollback 0123456 --target nowhere', 'allowed: process, compose', 'see papergate rollback --help'],
    ['deploy', 'exactly one of --sha and --manifest, found: none', 'see papergate deploy --help'],
    ['deploy --sha a --manifest b', 'exactly one of --sha and --manifest, found: both', 'see papergate deploy --help'],
    ['deploy --environment production', 'allowed: development, staging', 'see papergate deploy --help'],
    ['db restor 1', "unknown command 'restor' (Did you mean restore?)", 'see papergate db --help'],
    ['db restore', "missing required argument 'id'", 'see papergate db --help'],
    ['audit show -n 0', 'allowed: a whole number from 1 to 100000', 'see papergate audit --help'],
    ['metrics export', "missing required argument 'file'", 'see papergate metrics --help'],
    ['stop --volume', "unknown option '--volume' (Did you mean --volumes?)", 'see papergate stop --help'],
  ])('%s', async (line, message, fix) => {
    const error = await mistake(line);
    expect(error).toMatchObject({ code: 'USAGE', exitCode: 2, fix });
    expect(error.message).toContain(message);
    expect(error.message).not.toMatch(/^error:|\n/);
  });

  test.each([
    ['ship --target systemd', 'TARGET_NOT_DELIVERED', 'allowed: process, compose'],
    ['status --target kubernetes', 'TARGET_NOT_DELIVERED', 'allowed: process, compose'],
    ['ship --registry ghcr.io/a/b', 'FLAG_NOT_FOR_TARGET', '--registry is for a Docker Engine'],
    ['ship --monitoring', 'FLAG_NOT_FOR_TARGET', '--monitoring is for a Docker Engine'],
    ['ship --node-image a@b', 'FLAG_NOT_FOR_TARGET', '--node-image is for a Docker Engine'],
    ['status --project x', 'FLAG_NOT_FOR_TARGET', '--project x is for a Docker Engine'],
    ['stop --host ssh://a@b', 'FLAG_NOT_FOR_TARGET', '--host ssh://a@b is for a Docker Engine'],
    ['status --target compose --project Big', 'PROJECT_INVALID', '--project is "Big", allowed: up to 48'],
    ['status --target compose --project process', 'PROJECT_INVALID', 'not "process"'],
    ['logs --target compose --identity key', 'FLAG_WITHOUT_HOST', '--identity key is for a machine behind SSH'],
    ['stop --target compose --host tcp://a:1', 'HOST_ADDRESS_INVALID', 'ssh://'],
    ['ship --target compose --node-image node:24', 'IMAGE_INVALID', 'not named by digest'],
    ['ship --target compose --registry nowhere', 'REGISTRY_INVALID', 'has no namespace'],
    ['ship --target compose --sign-key /nowhere/key', 'NO_SUCH_FILE', '--sign-key /nowhere/key cannot be read'],
    ['ship --target compose --require-signature /nowhere/key', 'NO_SUCH_FILE', '--require-signature /nowhere/key'],
  ])('%s is a mistake', async (line, code, message) => {
    const error = await mistake(line);
    expect(error).toMatchObject({ code, exitCode: 2 });
    expect(error.message).toContain(message);
    expect(error.fix).toBeDefined();
  });

  test('an empty value is no value', async () => {
    const made = testContext(dir);
    const empty = runProgram(buildProgram(made.context, '1'), ['ship', '--sha', ''], made.context);
    await expect(empty).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('allowed: a commit') });
  });

  test('without a command the help is shown and the exit code is 2', async () => {
    const made = await run('');
    expect(made.err.join('\n')).toContain('Usage: papergate');
    expect(made.exitCode()).toBe(2);
  });

  test('help and version are no mistakes', async () => {
    expect((await run('--help')).out.join('\n')).toContain('emergency-stop');
    expect((await run('ship --help')).out.join('\n')).toContain('--detach');
    expect((await run('--version')).out).toEqual(['1.2.3']);
  });

  test('a repository that is no git checkout cannot be shipped from, and says so', async () => {
    const made = await run('ship');
    expect(made.exitCode()).toBe(2);
    expect(made.err.join('\n')).toContain('NOT_A_CHECKOUT');
    expect(made.err.join('\n')).toContain('fix: clone the repository with git');
  });
});

describe('where nothing runs', () => {
  test('status says so, and is no success', async () => {
    const made = await run('status');
    expect(made.out).toEqual(['nothing runs here; "npx papergate ship" starts it']);
    expect(made.exitCode()).toBe(1);
    expect(JSON.parse((await run('status --json')).out[0] ?? '')).toEqual({
      staging: null,
      holder: null,
      healthy: false,
      releases: [],
    });
  });

  test('status names a run that has the place but no staging yet', async () => {
    const lease = await acquireLease({ dir: join(dir, 'lease'), command: 'papergate ship --sha HEAD' });
    expect((await run('status')).out[0]).toContain(`process ${process.pid}`);
    expect((await run('status')).out[0]).toContain('papergate ship --sha HEAD');
    await lease.release();
  });

  test('stop has nothing to do, which is a success', async () => {
    const made = await run('stop');
    expect(made.out).toEqual(['nothing runs here']);
    expect(made.exitCode()).toBe(0);
  });

  test('a rollback names what can be gone back to, which is nothing', async () => {
    await expect(run('rollback 0123456')).rejects.toMatchObject({
      code: 'RELEASE_UNKNOWN',
      exitCode: 2,
      message: expect.stringContaining('there are none'),
    });
  });

  test('the audit log is empty and whole, and there are no checkpoints', async () => {
    expect((await run('audit show')).out).toEqual(['nothing was done to this place yet']);
    const verified = await run('audit verify --json');
    expect(JSON.parse(verified.out[0] ?? '')).toMatchObject({ ok: true, entries: 0 });
    expect(verified.exitCode()).toBe(0);
    expect((await run('db list')).out).toEqual(['there are no checkpoints yet']);
  });

  test('there is nothing to put right', async () => {
    const made = await run('recover');
    expect(made.out).toEqual(['nothing was cut off here']);
    expect(made.exitCode()).toBe(0);
  });

  test.each(['db checkpoint', 'db run-due', 'db restore 20260101-000000-abcdef --yes'])(
    '%s wants something that was delivered',
    async (command) => {
      await expect(run(command)).rejects.toMatchObject({ code: 'NOTHING_DELIVERED', exitCode: 2 });
    },
  );

  test('a schedule can be had before anything runs', async () => {
    const text = (await run('db schedule')).out.join('\n');
    expect(text).toContain('OnCalendar=hourly');
    expect(text).toContain('papergate db run-due');
  });

  test('what loses data is not done unless somebody says so', async () => {
    await expect(run('stop --volumes')).rejects.toMatchObject({
      code: 'NOT_CONFIRMED',
      exitCode: 2,
      message: expect.stringContaining('the database with all orders'),
    });
    const asked: string[] = [];
    const no = testContext(dir, {
      ask: (question) => {
        asked.push(question);
        return Promise.resolve('y');
      },
    });
    await expect(run('stop --volumes', no)).rejects.toMatchObject({ code: 'NOT_CONFIRMED' });
    expect(asked[0]).toContain('are lost for good');
    const yes = testContext(dir, { ask: () => Promise.resolve('yes') });
    expect((await run('stop --volumes', yes)).exitCode()).toBe(0);
    expect((await run('stop --volumes --yes')).exitCode()).toBe(0);
  });

  test.each(['smoke', 'load'])('%s wants a staging', async (command) => {
    await expect(run(command)).rejects.toMatchObject({ code: 'NO_STAGING', exitCode: 3 });
  });

  test('the gate wants a run', async () => {
    await expect(run('gate')).rejects.toMatchObject({ code: 'NO_SUCH_RUN', exitCode: 2 });
    await expect(run('gate --run nothing')).rejects.toMatchObject({ message: expect.stringContaining('"nothing"') });
  });

  test('the emergency stop that reaches nobody is loud about it', async () => {
    await expect(run('emergency-stop')).rejects.toMatchObject({ code: 'NO_STAGING', exitCode: 3 });
    await expect(run('emergency-stop --url http://127.0.0.1:1')).rejects.toMatchObject({
      code: 'ORCHESTRATOR_UNREACHABLE',
      exitCode: 3,
      fix: expect.stringContaining('at the broker itself'),
    });
  });
});

describe('logs', () => {
  const log = (name: string, text: string): void => writeFileSync(join(dir, 'logs', `${name}.log`), text);
  const line = (msg: string): string => `${JSON.stringify({ level: 40, time: 'T', msg })}\n`;

  test('shows the last lines of all, readable and without secrets', async () => {
    const made = testContext(dir);
    made.context.home();
    log('market-data', line('one') + line('two') + line('three'));
    log('dashboard', 'plain text\npostgres://papergate:hunter2@127.0.0.1/x\n');
    await run('logs -n 2', made);
    expect(made.out).toEqual([
      'dashboard         plain text',
      'dashboard         postgres://papergate:[redacted]@127.0.0.1/x',
      'market-data       T warn two',
      'market-data       T warn three',
    ]);
  });

  test('refuses a name that has no log, with those that have', async () => {
    const made = testContext(dir);
    made.context.home();
    log('market-data', '');
    await expect(run('logs markt-data', made)).rejects.toMatchObject({
      code: 'NO_SUCH_LOG',
      message: 'there is no log of markt-data, allowed: market-data',
    });
  });

  test('follows until the interrupt, also after the file was emptied', async () => {
    const made = testContext(dir);
    made.context.home();
    log('market-data', line('old'));
    const following = run('logs market-data -f -n 0 --json', made);
    const seen = async (text: string): Promise<void> => {
      const until = performance.now() + 10_000;
      while (!made.out.some((shown) => shown.includes(text)) && performance.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    // Given anew until it is seen: the follower may not have looked at the file for the first time yet.
    const append = async (msg: string): Promise<void> => {
      for (let tries = 0; tries < 50 && !made.out.some((shown) => shown.includes(msg)); tries += 1) {
        appendFileSync(join(dir, 'logs', 'market-data.log'), line(msg));
        await Promise.race([seen(msg), new Promise((resolve) => setTimeout(resolve, 300))]);
      }
    };
    await append('new');
    log('market-data', '');
    await append('after');
    made.interrupt();
    await following;
    expect(made.out.join('\n')).toContain('after');
    expect(made.out.join('\n')).not.toContain('old');
    expect(JSON.parse(made.out[0] ?? '')).toMatchObject({ service: 'market-data' });
  });
});
