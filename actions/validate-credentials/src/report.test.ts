import { describe, expect, test } from '@jest/globals';
import type { LogPlace } from '@papergate/delivery';
import { annotate, codeOf, ofProblem } from './report.ts';

const placesOf = (where: string, root = '/work/repo', workspace = '/work/repo'): LogPlace[] => {
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
    expect(placesOf('.env:1', '/work/repo/checkout/inner', '/work/repo')).toEqual([
      { title: 'a-rule', file: 'checkout/inner/.env', line: 1 },
    ]);
  });

  test('about a file does not say where this machine keeps the checkout', () => {
    const problem = {
      code: 'CONFIG_SYNTAX',
      where: '/work/repo/config/a.toml: x',
      message: '/work/repo/config/a.toml is no TOML',
      fix: 'mend it',
    };
    expect(ofProblem(problem, '/work/repo')).toEqual({
      rule: 'config-syntax',
      where: 'config/a.toml: x',
      message: 'config/a.toml is no TOML',
      fix: 'mend it',
    });
    expect(codeOf('config-syntax')).toBe('CONFIG_SYNTAX');
  });
});
