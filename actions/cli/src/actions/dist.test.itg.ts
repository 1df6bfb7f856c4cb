import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { runDist } from '@papergate/delivery';
import { bundleAction, distOf, staleFiles } from './bundle/build.ts';
import { FROM_CHECKOUT } from './bundle/plugins.ts';
import { readDefinition } from './definition.ts';
import { staleReadme } from './docs/readme.ts';
import { staleDefinition } from './docs/schema.ts';
import { findActions } from './find.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'papergate-actions-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const MOST_BYTES = 2_000_000;
const actions = findActions(root);

describe.each(actions)('the action %s', (action) => {
  test('says in action.yml and README.md what its code takes and gives', async () => {
    expect([...(await staleDefinition(root, action)), ...staleReadme(root, action)]).toEqual([]);
  });

  test('has a committed bundle of these very sources: npm run actions:build makes it', async () => {
    expect(await staleFiles(root, action)).toEqual([]);
  });

  test(`is at most ${MOST_BYTES / 1e6} MB, and holds no path of a machine`, () => {
    const path = join(distOf(root, action), 'index.cjs');
    expect(statSync(path).size).toBeLessThanOrEqual(MOST_BYTES);
    expect(readFileSync(path, 'utf8')).not.toContain(root);
  });

  test('starts with nothing but itself, and fails the job with what is wrong before it does anything', async () => {
    const alone = join(scratch, action);
    cpSync(distOf(root, action), alone, { recursive: true });
    const { code, outputs, annotations, stderr } = await runDist({
      bundle: join(alone, 'index.cjs'),
      workspace: scratch,
      inputs: { 'working-directory': '/nowhere' },
    });
    expect([code, outputs.get('verdict'), outputs.get('reason-code'), stderr]).toEqual([
      1,
      'failed',
      'INPUT_INVALID',
      '',
    ]);
    expect(annotations[0]?.text).toContain('input working-directory is "/nowhere"');
  });

  test('has outputs for its verdict and the reason, and cleans up where it has a step for that', () => {
    const { outputs, runs } = readDefinition(root, action);
    expect(Object.keys(outputs)).toEqual(expect.arrayContaining(['verdict', 'reason-code']));
    expect(runs['post-if']).toBe(runs.post === undefined ? undefined : 'always()');
  });
});

test('the same sources give the same bytes, wherever they are written', async () => {
  const action = actions[0] ?? '';
  const [one, two] = [join(scratch, 'one'), join(scratch, 'another', 'deeper')];
  await bundleAction(root, action, one);
  await bundleAction(root, action, two);
  expect(readdirSync(one)).toEqual(readdirSync(two));
  for (const name of readdirSync(one))
    expect(readFileSync(join(one, name)).equals(readFileSync(join(two, name)))).toBe(true);
});

test('the bundles leave compiled packages to the checkout', () => {
  for (const action of actions) {
    const text = readFileSync(join(distOf(root, action), 'index.cjs'), 'utf8');
    for (const name of FROM_CHECKOUT) expect(text).not.toMatch(new RegExp(`\\b(?:require|import)\\("${name}"\\)`));
  }
});
