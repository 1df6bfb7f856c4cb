import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ENVIRONMENTS } from '@papergate/config';
import { servicesOf, type ComposeModel } from '../../composition/index.ts';
import type { Fence } from '../../deliver/types.ts';
import type { Host, HostResult } from '../../host/types.ts';
import { containerOf, digestOfImage, isService, type Container } from './containers.ts';
import { Docker } from './docker.ts';
import { checkEngine } from './engine.ts';
import { startFailed } from './errors.ts';
import { lastEndIn } from './events.ts';
import { imagesOf, presentImages } from './images.ts';
import { loginFor } from './login.ts';
import { tellingLine, type LogLine } from './logs.ts';
import { appliedIn } from './one-off.ts';
import { listeningPorts, parsePorts, publishedPorts } from './ports.ts';
import { endWords } from './probe.ts';
import { neededSecrets } from './secret-files.ts';
import { stopServices } from './services.ts';
import { drainGroups, wavesOf } from './waves.ts';

const NEVER = '0001-01-01T00:00:00Z';
const described = {
  Id: 'abc',
  Name: '/p-1-risk-manager-1',
  Created: '2026-01-02T03:04:00.5Z',
  Image: 'sha256:local',
  RestartCount: 2,
  State: {
    Status: 'restarting',
    Running: false,
    Restarting: true,
    OOMKilled: false,
    ExitCode: 2,
    Error: '',
    StartedAt: '2026-01-02T03:04:05.25Z',
    FinishedAt: '2026-01-02T03:04:05.65Z',
  },
  Config: {
    Image: `registry.example/ns/risk-manager@sha256:${'a'.repeat(64)}`,
    Labels: {
      'com.papergate.service': 'risk-manager',
      'com.papergate.manifest': 'sha256:m',
      'com.docker.compose.oneoff': 'False',
    },
  },
  HostConfig: { PortBindings: { '5003/tcp': [{ HostPort: '25003' }], '1/tcp': null } },
};

describe('a container', () => {
  test('is read from what the engine says of it', () => {
    const container = containerOf(described);
    expect(container).toMatchObject({
      name: 'p-1-risk-manager-1',
      service: 'risk-manager',
      running: true,
      restarts: 2,
      ports: [{ target: 5003, published: 25_003 }],
      startedAt: Date.parse('2026-01-02T03:04:05.250Z'),
    });
    expect(isService(container)).toBe(true);
    expect(digestOfImage(container.image)).toBe(`sha256:${'a'.repeat(64)}`);
    expect(digestOfImage('registry.example/ns/risk-manager:tag')).toBeUndefined();
  });

  test('that never ran has no times, and one that nobody labelled is no service', () => {
    const state = { ...described.State, StartedAt: NEVER, FinishedAt: NEVER };
    const container = containerOf({
      ...described,
      State: state,
      Config: { Image: 'x', Labels: null },
      HostConfig: { PortBindings: null },
    });
    expect(container).toMatchObject({ startedAt: undefined, finishedAt: undefined, ports: [], service: '' });
    expect(isService(container)).toBe(false);
  });

  test.each<[string, Partial<Container>, string | undefined]>([
    ['exited 2 after 0.4 s, started again 2 times: papergate: no', {}, 'papergate: no'],
    ['exited 1 after 0.4 s', { exitCode: 1, restarts: 0, status: 'exited' }, undefined],
    [
      'killed for want of memory after 0.4 s',
      { oomKilled: true, exitCode: 137, restarts: 0, status: 'exited' },
      undefined,
    ],
    ['it was not started', { startedAt: undefined, finishedAt: undefined }, undefined],
    ['it could not be started: no such file', { startedAt: undefined, error: 'no such file' }, undefined],
    // The end before is not the end of the present run.
    ['exited 0, started again 2 times', { finishedAt: 0, exitCode: 0 }, undefined],
  ])('that has ended: %s', (words, over, line) => {
    expect(endWords({ ...containerOf(described), ...over }, line)).toBe(words);
  });
});

describe('the line that tells most', () => {
  const of = (...lines: string[]): LogLine[] =>
    lines.map((line) =>
      line.startsWith('out ') ? { text: line.slice(4), stream: 'stdout' } : { text: line, stream: 'stderr' },
    );
  test.each([
    [
      'the last error on stderr',
      of('out {"msg":"hello"}', 'TypeError: x is not a function', '    at a (b.ts:1:1)', '}', '', 'Node.js v24.21.0'),
      'TypeError: x is not a function',
    ],
    [
      'our own words',
      of('papergate: CONFIG_INVALID: no', '  fix: mend it', 'out {"msg":"later"}'),
      'papergate: CONFIG_INVALID: no',
    ],
    [
      'what the container’s first process says',
      of('[FATAL tini (7)] exec /x failed: No such file'),
      '[FATAL tini (7)] exec /x failed: No such file',
    ],
    ['a line of a log', of('out {"level":60,"msg":"gave up"}', 'out }'), '{"level":60,"msg":"gave up"}'],
    ['what else was on stderr', of('out a', 'boom', 'out b'), 'boom'],
    ['the last of all', of('out a', 'out b'), 'b'],
  ])('is %s', (_name, lines, wanted) => {
    expect(tellingLine(lines)).toBe(wanted);
  });

  test('is none where nothing was said', () => {
    expect(tellingLine(of('', 'Node.js v24.21.0'))).toBeUndefined();
  });
});

test('the last end of a container is read from the engine’s events', () => {
  const die = (exitCode: string): string => JSON.stringify({ Action: 'die', Actor: { Attributes: { exitCode } } });
  expect(lastEndIn([die('1'), '{"Action":"oom"}', die('137'), ''].join('\n'))).toEqual({
    exitCode: 137,
    oomKilled: true,
  });
  expect(lastEndIn(['{"Action":"oom"}', die('137'), die('2')].join('\n'))).toEqual({ exitCode: 2, oomKilled: false });
  expect(lastEndIn('')).toBeUndefined();
});

describe('ports', () => {
  test('are read from what the engine lists', () => {
    expect(parsePorts('127.0.0.1:5001->5001/tcp, 0.0.0.0:80-82->80-82/tcp, :::443->443/tcp, 9000/tcp')).toEqual([
      5001, 80, 81, 82, 443,
    ]);
    expect(parsePorts('')).toEqual([]);
  });

  test('that somebody listens on are read from the tables of Linux', () => {
    const table = [
      '  sl  local_address rem_address   st tx_queue rx_queue',
      '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000',
      '   1: 0100007F:1F91 0100007F:1F90 01 00000000:00000000',
      '   2: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0',
    ].join('\n');
    expect([...listeningPorts(table)]).toEqual([8080, 80]);
  });

  test('of a bundle are those that it publishes', () => {
    const model: ComposeModel = {
      name: 'p',
      services: {
        dashboard: { image: 'a', ports: [{ target: 3000, published: '23000', host_ip: '127.0.0.1' }] },
        migrate: { image: 'b' },
      },
      secrets: {
        TOKEN: { name: 'p_TOKEN', file: '/place/secrets/TOKEN' },
        KEY: { name: 'p_KEY', file: '/place/secrets/KEY' },
      },
    };
    expect(publishedPorts(model)).toEqual([{ service: 'dashboard', port: 23_000 }]);
    expect(imagesOf(model, model)).toEqual(['a', 'b']);
    expect(neededSecrets(model, model)).toEqual(['KEY', 'TOKEN']);
  });
});

test('the migrations that were applied are read from their one line, whatever stands around it', () => {
  expect(appliedIn('warning\n{"applied":["0001_a","0002_b"],"schema_version":"0002_b"}\n')).toEqual([
    '0001_a',
    '0002_b',
  ]);
  expect(appliedIn('{"other":1}\n{broken')).toEqual([]);
});

test('a port that is taken at the last moment is told from an image that does not run', () => {
  expect(startFailed('dashboard', 'Bind for 127.0.0.1:3000 failed: port is already allocated')).toMatchObject({
    code: 'PORT_IN_USE',
    exitCode: 3,
  });
  expect(startFailed('dashboard', 'exec format error')).toMatchObject({ code: 'START_FAILED', exitCode: 1 });
});

test('another machine is lent what this one knows of the registries that it needs, and of no other', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'papergate-login-'));
  try {
    const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });
    const auths = { 'registry.example': auth('me:word'), 'other.example': auth('me:other') };
    writeFileSync(join(dir, 'config.json'), JSON.stringify({ auths }));
    const digest = `sha256:${'1'.repeat(64)}`;
    const login = await loginFor([`registry.example/a/b@${digest}`, `registry.example/a/c@${digest}`], {
      DOCKER_CONFIG: dir,
    });
    expect(JSON.parse(login?.reveal() ?? '')).toEqual({ auths: { 'registry.example': auth('me:word') } });
    expect(await loginFor([`none.example/a/b@${digest}`], { DOCKER_CONFIG: dir })).toBeUndefined();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

describe.each(ENVIRONMENTS)('the groups in which services of %s start', (environment) => {
  test('hold each service once, in an order that puts what it needs before it or beside it', () => {
    const waves = wavesOf(environment);
    expect(waves.flat().sort()).toEqual([...servicesOf(environment)].sort());
    const needs = [
      ['market-data', 'execution-engine'],
      ['risk-manager', 'execution-engine'],
      ['execution-engine', 'observability-api'],
      ['orchestrator', 'dashboard'],
    ] as const;
    const at = (service: string): number => waves.findIndex((wave) => wave.includes(service));
    for (const [first, then] of needs) expect(at(first)).toBeLessThan(at(then));
    expect(at('execution-engine')).toBe(at('orchestrator'));
  });
});

test('what goes down together is drained from the front: nobody hands the order writer orders when it is asked to end', () => {
  expect(drainGroups(['execution-engine', 'orchestrator'])).toEqual([['orchestrator'], ['execution-engine']]);
  expect(drainGroups(['dashboard', 'observability-api'])).toEqual([['dashboard', 'observability-api']]);
  expect(drainGroups(['market-data', 'execution-engine', 'orchestrator'])).toEqual([
    ['orchestrator'],
    ['execution-engine'],
    ['market-data'],
  ]);
  expect(drainGroups([])).toEqual([]);
});

describe('the engine of a host', () => {
  const engine = (answers: Record<string, Partial<HostResult>>): Docker => {
    const run: Host['run'] = async (_command, args) => ({ code: 0, stdout: '', stderr: '', ...answers[args[0] ?? ''] });
    return new Docker({ name: 'local', run } as Host);
  };
  const version = (server: string | null): Partial<HostResult> => ({
    stdout: JSON.stringify({
      Client: { Version: '26' },
      Server: server === null ? null : { Version: server, Os: 'linux', Arch: 'amd64' },
    }),
  });
  const old = { code: 125, stderr: "unknown shorthand flag: 's' in --short\nSee 'docker --help'." };

  test.each<[string, Record<string, Partial<HostResult>>]>([
    [
      'DOCKER_MISSING',
      { version: { code: 127, stderr: 'docker: not found' }, compose: { code: 127, stderr: 'docker: not found' } },
    ],
    [
      'ENGINE_UNREACHABLE',
      {
        version: { code: 1, stderr: 'Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?' },
      },
    ],
    ['ENGINE_TOO_OLD', { version: version('20.10.24+dfsg1'), compose: { stdout: '2.26.1\n' } }],
    ['COMPOSE_MISSING', { version: version('26.1.5'), compose: old }],
    ['COMPOSE_TOO_OLD', { version: version('26.1.5'), compose: { stdout: '2.20.3\n' } }],
    ['DOCKER_FAILED', { version: version(null), compose: { stdout: '2.26.1\n' } }],
    ['DOCKER_FAILED', { version: { code: 1, stderr: 'something else' } }],
  ])('is refused with %s', async (code, answers) => {
    await expect(checkEngine(engine(answers))).rejects.toMatchObject({ code, exitCode: 3, fix: expect.any(String) });
  });

  test('is taken where it is new enough, whatever its distributor added to the number', async () => {
    const checks = await checkEngine(engine({ version: version('26.1.5+dfsg1'), compose: { stdout: '2.26.1-4\n' } }));
    expect(checks.map(({ status }) => status)).toEqual(['passed', 'passed']);
  });

  test.each<[string, string, boolean]>([
    ['one that has ended in this moment', 'cannot stop container: 4f1: container 4f1 is not running', true],
    ['one that is gone', 'Error response from daemon: No such container: 4f1', true],
    [
      'one that cannot be ended beside one that is gone',
      'No such container: 4f1\ncannot stop container: 4f2: denied',
      false,
    ],
    ['what it gives no reason for', '', false],
  ])('stops services, and takes for a failure what is one: %s', async (_what, stderr, fine) => {
    const row = ['4f1', 'running', 'market-data', 'sha256:1', 'False'].join('\t');
    const docker = engine({ ps: { stdout: `${row}\n` }, stop: { code: 1, stderr } });
    const fence = { assertHeld: async () => undefined } as unknown as Fence;
    const stopped = stopServices({ docker, project: 'p' }, ['market-data'], fence);
    if (fine) await expect(stopped).resolves.toBeUndefined();
    else await expect(stopped).rejects.toMatchObject({ code: 'DOCKER_FAILED' });
  });

  test('says which images it has, though it lacks others', async () => {
    const [have, lack] = [`r/a@sha256:${'1'.repeat(64)}`, `r/b@sha256:${'2'.repeat(64)}`];
    const found = await presentImages(
      engine({
        image: {
          code: 1,
          stdout: `sha256:id\t${JSON.stringify(['other@x', have])}\n`,
          stderr: `Error: No such image: ${lack}`,
        },
      }),
      [have, lack],
    );
    expect([...found]).toEqual([[have, 'sha256:id']]);
    await expect(
      presentImages(engine({ image: { code: 1, stderr: 'permission denied' } }), [have]),
    ).rejects.toMatchObject({ code: 'DOCKER_FAILED' });
  });
});
