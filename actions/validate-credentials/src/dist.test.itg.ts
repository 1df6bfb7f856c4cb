import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  BROKER,
  key,
  LIVE,
  LIVE_26,
  makeText,
  PAPER,
  PAPER_26,
  POLICY_CASES,
  SECRET,
  SECRET_44,
} from '@papergate/config/testing';
import { runDist, type DistResult, type DistRun } from '@papergate/delivery';
import { makeCheckout } from './testing/checkout.ts';

const bundle = fileURLToPath(new URL('../dist/index.cjs', import.meta.url));
const checkout = makeCheckout();
const removals = [checkout.remove];
afterAll(() => removals.forEach((remove) => remove()));

const base64 = (text: string): string => Buffer.from(text).toString('base64');
/** Never told to the action as a secret: it has to see by itself what it is. */
const SMUGGLED = [LIVE, LIVE_26, BROKER];
const GIVEN = [PAPER, PAPER_26, SECRET, SECRET_44];
const windows = (text: string): string[] => Array.from({ length: text.length - 7 }, (_, at) => text.slice(at, at + 8));
const PARTS = [...SMUGGLED, ...GIVEN, ...SMUGGLED.map(base64)].flatMap(windows);

interface Case extends Omit<DistRun, 'bundle' | 'workspace'> {
  title: string;
  expected: readonly string[];
  files?: Record<string, string>;
}

const MODES = { ALPACA_BASE_URL: 'https://paper-api.alpaca.markets' };
const KEYS = { 'alpaca-api-key': PAPER, 'alpaca-secret-key': SECRET };
const secrets = (values: Record<string, string>): Record<string, string> => ({
  ...KEYS,
  secrets: JSON.stringify(values),
});

/** One trick each, by another way than the environment: as an input, among all secrets, in the files. */
const OWN_CASES: Case[] = [
  { title: 'a live key as the input', inputs: { ...KEYS, 'alpaca-api-key': LIVE }, expected: ['KEY_LIVE'] },
  { title: 'a broker key as the input', inputs: { ...KEYS, 'alpaca-api-key': BROKER }, expected: ['KEY_BROKER'] },
  { title: 'an input of blanks', inputs: { ...KEYS, 'alpaca-api-key': ' \n' }, expected: ['KEY_MISSING'] },
  { title: 'no key at all', inputs: {}, expected: ['KEY_MISSING', 'SECRET_MISSING'] },
  {
    title: 'a key with a line break behind it',
    inputs: { ...KEYS, 'alpaca-api-key': `${PAPER}\n` },
    expected: ['UNTRIMMED'],
  },
  {
    title: 'a secret that was not replaced',
    inputs: { ...KEYS, 'alpaca-secret-key': '<secret>' },
    expected: ['SECRET_PLACEHOLDER'],
  },
  { title: 'a live key among all secrets', inputs: secrets({ SOMETHING: LIVE }), expected: ['SMUGGLED_VARIABLE'] },
  {
    title: 'a live key in base64 among all secrets',
    inputs: secrets({ KUBECONFIG: base64(`token: ${LIVE}`) }),
    expected: ['SMUGGLED_VARIABLE'],
  },
  {
    title: 'a live key in JSON in a secret',
    inputs: secrets({ CONFIG: JSON.stringify({ a: [LIVE_26] }) }),
    expected: ['SMUGGLED_VARIABLE'],
  },
  {
    title: 'a secret of a forbidden name',
    inputs: secrets({ ALPACA_LIVE_API_KEY: 'x' }),
    expected: ['FOREIGN_VARIABLE'],
  },
  {
    title: 'another key among all secrets',
    inputs: secrets({ ALPACA_PAPER_API_KEY: PAPER_26 }),
    expected: ['ALIAS_CONFLICT'],
  },
  {
    title: 'a variable said twice in two ways',
    inputs: secrets({ API_TOKEN: 'a'.repeat(20) }),
    env: { API_TOKEN: 'b'.repeat(20) },
    expected: ['SAID_TWICE'],
  },
  {
    title: 'a live key in the database password',
    inputs: { ...KEYS, 'database-password': LIVE },
    expected: ['SMUGGLED_VARIABLE'],
  },
  {
    title: 'a live key in the database address',
    inputs: { ...KEYS, 'database-url': `postgres://u:${LIVE}@h/d` },
    expected: ['SMUGGLED_VARIABLE'],
  },
  {
    title: 'the live host as the input',
    inputs: { ...KEYS, 'alpaca-base-url': 'https://api.alpaca.markets' },
    env: { ALPACA_BASE_URL: '' },
    expected: ['SAID_TWICE', 'BASE_URL_MISSING'],
  },
  {
    title: 'a host that only looks like it',
    inputs: KEYS,
    env: { ALPACA_BASE_URL: 'https://paper-api.alpaca.markets.example' },
    expected: ['BASE_URL_HOST'],
  },
  { title: 'dry run switched off', inputs: KEYS, env: { DRY_RUN: 'false' }, expected: ['DRY_RUN'] },
  { title: 'paper switched off', inputs: KEYS, env: { ALPACA_PAPER: '0' }, expected: ['ALPACA_PAPER'] },
  {
    title: 'another environment in the job',
    inputs: KEYS,
    env: { ENVIRONMENT: 'production' },
    expected: ['ENVIRONMENT_MISMATCH'],
  },
  {
    title: 'production without its gate',
    inputs: { environment: 'production', 'alpaca-api-key': LIVE, 'alpaca-secret-key': SECRET },
    env: { ALPACA_BASE_URL: 'https://api.alpaca.markets', DRY_RUN: 'false', ALPACA_PAPER: 'false' },
    expected: ['GATE'],
  },
  {
    title: 'a live key in a compose file',
    inputs: KEYS,
    files: { 'compose.yaml': `services:\n  a:\n    environment:\n      KEY: ${LIVE}\n` },
    expected: ['SMUGGLED_FILE'],
  },
  {
    title: 'a workflow that names a live key',
    inputs: KEYS,
    files: { '.github/workflows/x.yml': 'env:\n  K: ${{ secrets.ALPACA_LIVE_API_KEY }}\n' },
    expected: ['FOREIGN_NAME_IN_FILE'],
  },
  {
    title: 'a configuration with an unknown key',
    inputs: KEYS,
    files: { 'config/system.staging.json': '{"environment":"staging","x":1}' },
    expected: ['CONFIG_INVALID'],
  },
  {
    title: 'limits of risk that are no TOML',
    inputs: KEYS,
    files: { 'config/risk_limits.toml': '[[[' },
    expected: ['CONFIG_SYNTAX'],
  },
  {
    title: 'names that are required and not shown',
    inputs: { ...KEYS, 'require-secret-names': 'true' },
    expected: ['SECRET_NAMES_UNREADABLE'],
  },
];
/** And every sixteenth of the policy's own, in the environment of the job. */
const POLICY: Case[] = POLICY_CASES.flatMap(({ title, input, expected }) =>
  expected === 'pass' || input.environment !== 'staging' || input.system !== undefined || (input.files ?? []).length > 0
    ? []
    : [{ title, env: strings(input.env), expected: expected.map((rule) => rule.toUpperCase().replaceAll('-', '_')) }],
).filter(
  ({ env, title }, index) =>
    index % 16 === 0 && title !== 'no address at all' && !JSON.stringify(env).includes('\\u0000'),
);

function strings(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

const CASES = [...OWN_CASES, ...POLICY];
const results = new Map<string, DistResult>();

async function runCase({ title, files, inputs = {}, env = {} }: Case): Promise<void> {
  const own = files === undefined ? undefined : makeCheckout(files);
  if (own !== undefined) removals.push(own.remove);
  const home = mkdtempSync(join(tmpdir(), 'papergate-home-'));
  removals.push(() => rmSync(home, { recursive: true, force: true }));
  const result = await runDist({
    bundle,
    workspace: own?.dir ?? checkout.dir,
    inputs: { probe: 'false', home, ...inputs },
    env: { ...MODES, ...env },
  });
  const evidence = readFileSync(result.outputs.get('evidence') ?? '', 'utf8');
  results.set(title, { ...result, said: `${result.said}\n${evidence}` });
}

describe('the bundle as GitHub runs it', () => {
  beforeAll(async () => {
    const queue = CASES.slice();
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) await runCase(next);
    };
    await Promise.all([work(), work(), work()]);
  });

  test('is tried with at least forty ways in', () => expect(CASES.length).toBeGreaterThanOrEqual(40));

  test.each(CASES.map((row) => [row.title, row] as const))(
    'blocks %s, and repeats nothing of it',
    (title, { expected }) => {
      const { code, outputs, said, annotations, summary } = results.get(title) ?? {};
      expect([code, outputs?.get('verdict')]).toEqual([1, 'block']);
      expect(expected).toContain(outputs?.get('reason-code'));
      const rules = JSON.parse(outputs?.get('rules') ?? '[]') as string[];
      expect(rules.map((rule) => rule.toUpperCase().replaceAll('-', '_'))).toEqual(
        expect.arrayContaining([...expected]),
      );
      expect(annotations?.length).toBeGreaterThanOrEqual(2);
      expect(summary).toContain('**block**');
      const lower = said?.toLowerCase() ?? '';
      expect(PARTS.filter((part) => lower.includes(part.toLowerCase()))).toEqual([]);
    },
  );

  test('marks file and line', () => {
    const { annotations } = results.get('a live key in a compose file') ?? {};
    expect(annotations?.[0]?.properties).toMatchObject({ file: 'compose.yaml', line: '4', title: 'smuggled-file' });
  });

  test('masks before it says anything else, all parts of all secrets', async () => {
    const { stdout, masked } = await runDist({
      bundle,
      workspace: checkout.dir,
      inputs: { ...secrets({ A: 'first line of it\nsecond line of it', B: base64('hidden words') }), probe: 'false' },
      env: MODES,
    });
    expect(masked).toEqual(
      expect.arrayContaining([PAPER, SECRET, 'first line of it', 'second line of it', 'hidden words']),
    );
    const lines = stdout.split('\n');
    expect(lines.findLastIndex((line) => line.startsWith('::add-mask::'))).toBe(masked.length - 1);
  });

  test('passes what is as it should be, and leaves its evidence', async () => {
    const home = join(checkout.dir, '.papergate');
    const { code, outputs, summary, annotations } = await runDist({
      bundle,
      workspace: checkout.dir,
      inputs: { ...secrets({ github_token: 'x'.repeat(30), ALPACA_PAPER_API_KEY: PAPER }), probe: 'false', home },
      env: MODES,
    });
    expect([code, outputs.get('verdict'), outputs.get('reason-code'), annotations]).toEqual([0, 'pass', '', []]);
    expect(summary).toContain('rules hold');
    const evidence: unknown = JSON.parse(readFileSync(outputs.get('evidence') ?? '', 'utf8'));
    expect(evidence).toMatchObject({ stage: 'validate', status: 'passed', data: { environment: 'staging' } });
  });

  test('tells wrong inputs all at once, and does nothing', async () => {
    const inputs = { environment: 'stage', probe: 'yes', 'working-directory': 'nowhere' };
    const { code, annotations, outputs } = await runDist({ bundle, workspace: checkout.dir, inputs });
    expect([code, annotations.length, outputs.get('reason-code')]).toEqual([1, 1, 'INPUT_INVALID']);
    for (const name of Object.keys(inputs)) expect(annotations[0]?.text).toContain(`input ${name} is`);
  });
});

describe('the bundle asks a simulator about the key', () => {
  const servers: Server[] = [];
  afterAll(async () => {
    for (const server of servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  /** Knows PAPER, and answers with the account's number. */
  async function simulator(accountNumber: string, status = 200): Promise<string> {
    const server = createServer((request, response) => {
      const fits = request.headers['apca-api-key-id'] === PAPER && request.headers['apca-api-secret-key'] === SECRET;
      response.writeHead(fits ? status : 401, { 'content-type': 'application/json' });
      response.end(JSON.stringify(fits ? { account_number: accountNumber } : { message: 'no' }));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const ask = (url: string, over: Record<string, string> = {}): Promise<DistResult> =>
    runDist({
      bundle,
      workspace: checkout.dir,
      inputs: { environment: 'development', 'alpaca-base-url': url, ...KEYS, ...over },
    });

  test('and passes where its account opens', async () => {
    const { outputs, said } = await ask(await simulator('PA123'));
    expect(outputs.get('verdict')).toBe('pass');
    expect(said).toContain('the live host was not asked');
  });

  test.each<[string, string, number, Record<string, string>, string]>([
    ['it is an account of real money', '123', 200, {}, 'PROBE_ACCOUNT_NUMBER'],
    ['the host is broken', 'PA123', 500, {}, 'PROBE_ACCOUNT'],
    ['the key is not known', 'PA123', 200, { 'alpaca-api-key': key('PK', 77) }, 'PROBE_ACCOUNT'],
    ['the secret is another', 'PA123', 200, { 'alpaca-secret-key': makeText(78, 40, 'abcdefgh') }, 'PROBE_ACCOUNT'],
  ])('and blocks where %s', async (_title, number, status, over, code) => {
    const { outputs, said } = await ask(await simulator(number, status), over);
    expect([outputs.get('verdict'), outputs.get('reason-code')]).toEqual(['block', code]);
    for (const secret of [...GIVEN, ...Object.values(over)]) expect(said).not.toContain(secret);
  });
});
