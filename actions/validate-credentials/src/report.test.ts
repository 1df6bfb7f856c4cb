import { describe, expect, test } from '@jest/globals';
import { recorder, runAction, type LogPlace } from '@papergate/delivery';
import { POLICY_RULES, PROBE_RULES } from '@papergate/config';
import { INPUTS, OUTPUTS } from './inputs.ts';
import { annotate, codeOf, ofProblem, summarise } from './report.ts';

const placesOf = (where: string, root = '/runner/repo', workspace = '/runner/repo'): LogPlace[] => {
  const places: LogPlace[] = [];
  const log = { error: (_text: string, place: LogPlace = {}) => void places.push(place) };
  annotate(log, [{ rule: 'a-rule', where, message: 'it is so', fix: 'mend it' }], root, workspace);
  return places;
};

describe('an objection', () => {
  test.each<[string, LogPlace]>([
    ['compose/compose.yaml:12', { file: 'compose/compose.yaml', line: 12 }],
    ['.env:1', { file: '.env', line: 1 }],
    ['config/system.staging.json: services.dashboard.http_prot', { file: 'config/system.staging.json' }],
    ['config/risk_limits.toml', { file: 'config/risk_limits.toml' }],
    ['Dockerfile:3', { file: 'Dockerfile', line: 3 }],
    ['ALPACA_API_KEY', {}],
    ['alpaca.base_url', {}],
    ['the environment', {}],
    ['strategy "mean.reversion"', {}],
    ['OTHER (secrets)', {}],
  ])('in %j stands at its place', (where, place) => {
    expect(placesOf(where)).toEqual([{ title: 'a-rule', ...place }]);
  });

  test('stands at its place in a checkout that is not the workspace itself', () => {
    expect(placesOf('.env:1', '/runner/repo/checkout/inner', '/runner/repo')).toEqual([
      { title: 'a-rule', file: 'checkout/inner/.env', line: 1 },
    ]);
  });

  test('about a file does not say where this machine keeps the checkout', () => {
    const problem = {
      code: 'CONFIG_SYNTAX',
      where: '/runner/repo/config/a.toml: x',
      message: '/runner/repo/config/a.toml is no TOML',
      fix: 'mend it',
    };
    expect(ofProblem(problem, '/runner/repo')).toEqual({
      rule: 'config-syntax',
      where: 'config/a.toml: x',
      message: 'config/a.toml is no TOML',
      fix: 'mend it',
    });
    expect(codeOf('config-syntax')).toBe('CONFIG_SYNTAX');
  });
});

test('the summary has every rule once, those that say no first, and says what each demands', async () => {
  const checked = [...POLICY_RULES, ...PROBE_RULES].map(({ id }) => id).concat('said-twice', 'foreign-secret');
  const objections = [{ rule: 'dry-run', where: 'DRY_RUN', message: 'it is so', fix: 'mend it' }];
  const around = recorder({});
  const main = async ({ summary }: { summary: Parameters<typeof summarise>[0] }): Promise<void> =>
    summarise(summary, { environment: 'staging', objections, checked, notes: ['a note'] });
  await runAction({ name: 'demo', inputs: INPUTS, outputs: OUTPUTS, main }, around);
  const rows = around.summary.split('\n').filter((line) => /^\| (?:⛔|✅)/u.test(line));
  expect(rows.map((line) => /<code>([^<]*)/.exec(line)?.[1])).toEqual([
    'dry-run',
    ...checked.filter((id) => id !== 'dry-run'),
  ]);
  for (const row of rows) expect(row).not.toMatch(/\|\s*\|$/);
  expect(around.summary).toContain('- a note');
});
