import { afterAll, describe, expect, test } from '@jest/globals';
import { POLICY_CASES, type PolicyCase } from '@papergate/config/testing';
import { recorder, runAction } from '@papergate/delivery';
import { INPUTS, OUTPUTS } from './inputs.ts';
import { makeCheckout, type Checkout } from './testing/checkout.ts';
import { validateCredentials } from './validate-credentials.ts';

const empty = makeCheckout();
const checkouts: Checkout[] = [empty];
afterAll(() => checkouts.forEach((checkout) => checkout.remove()));

/** Where a job is another thing than the policy alone. */
const OTHERWISE: Readonly<Record<string, readonly string[]>> = {
  // The checkout's own configuration has an address; modes that are not said are completed before they are judged.
  'no address at all': [],
  'DRY_RUN not set': [],
  'ALPACA_PAPER not set': [],
  // The file that is named is looked for; the level is looked at.
  'the key as variable and as file': ['secret-file', 'scan-incomplete'],
  'a live key in the log level': ['smuggled-variable', 'env-invalid'],
};

/** Those that a job can be in: no gate's evidence, no made-up configuration, no file that nobody can read. */
const possible = POLICY_CASES.filter(
  ({ input: { environment, env, system, files = [] } }) =>
    environment !== 'production' &&
    system === undefined &&
    files.every(({ problem }) => problem === undefined) &&
    // That one is refused as an input that is none.
    !Object.keys(env).some((name) => name.startsWith('INPUT_')),
);
/** All with files or with an expectation of their own, and every third of the rest: the policy itself is proven where it lies. */
const cases = possible.filter(
  ({ title, input }, index) => index % 3 === 0 || title in OTHERWISE || (input.files ?? []).length > 0,
);

function lay({ input: { env, files = [] } }: PolicyCase): { dir: string; env: Record<string, string> } {
  const given = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  if (files.length === 0) return { dir: empty.dir, env: given };
  const checkout = makeCheckout();
  checkouts.push(checkout);
  const moved = new Map(files.map(({ path, content }) => [path, checkout.write(path.replace(/^\//, ''), content)]));
  // A file outside of the checkout is there because a variable names it.
  const [outside] = files.filter(({ path }) => path.startsWith('/') && !Object.values(given).includes(path));
  const named = outside === undefined ? given : { ...given, OTHER_FILE: outside.path };
  const pointed = Object.entries(named).map(([name, value]) => [name, moved.get(value) ?? value] as const);
  return { dir: checkout.dir, env: Object.fromEntries(pointed) };
}

async function judge(
  dir: string,
  env: Record<string, string>,
): Promise<{ verdict: string; rules: string[]; code: string }> {
  const around = recorder({ INPUT_PROBE: 'false', GITHUB_WORKSPACE: dir, PAPERGATE_HOME: `${dir}/.papergate`, ...env });
  await runAction(
    { name: 'validate-credentials', inputs: INPUTS, outputs: OUTPUTS, main: validateCredentials },
    around,
  );
  return {
    verdict: around.outputs.get('verdict') ?? '',
    rules: (JSON.parse(around.outputs.get('rules') ?? '[]') as string[]).toSorted(),
    code: around.outputs.get('reason-code') ?? '',
  };
}

describe('the action says of every way in what the policy says', () => {
  test('by hundreds of them', () => expect(cases.length).toBeGreaterThan(180));

  test.each(cases.map((row) => [row.title, row] as const))('%s', async (title, row) => {
    const { dir, env } = lay(row);
    const expected = OTHERWISE[title] ?? (row.expected === 'pass' ? [] : row.expected);
    const said = await judge(dir, { ...env, INPUT_ENVIRONMENT: row.input.environment });
    expect(said.rules).toEqual(expected.toSorted());
    expect(said.verdict).toBe(expected.length === 0 ? 'pass' : 'block');
    expect(expected.map((rule) => rule.toUpperCase().replaceAll('-', '_'))).toEqual(
      expected.length === 0 ? [] : expect.arrayContaining([said.code]),
    );
  });
});
