import { describe, expect, test } from '@jest/globals';
import { POLICY_CASES, type PolicyCase } from './cases.ts';
import { BROKER, LIVE, LIVE_26, PAPER, PAPER_26, SECRET, SECRET_44, staging } from './cases/fixtures.ts';
import { checkCredentials } from './check.ts';
import { POLICY_RULES } from './rules/index.ts';

const rulesOf = ({ input }: PolicyCase, rules = POLICY_RULES): string[] => [
  ...new Set(checkCredentials(input, rules).findings.map(({ rule }) => rule)),
];
const sorted = (rules: readonly string[]): string[] => [...rules].sort();

describe('the credential policy', () => {
  test.each(POLICY_CASES.map((row) => [row.title, row] as const))('judges %s', (_title, row) => {
    expect(sorted(rulesOf(row))).toEqual(row.expected === 'pass' ? [] : sorted(row.expected));
  });

  test('is proven by at least 180 cases with titles of their own', () => {
    expect(POLICY_CASES.length).toBeGreaterThanOrEqual(180);
    expect(new Set(POLICY_CASES.map(({ title }) => title)).size).toBe(POLICY_CASES.length);
  });

  test.each(POLICY_RULES.map((rule) => [rule.id, rule] as const))(
    'would let a case pass without the rule %s',
    (id, rule) => {
      const alone = POLICY_CASES.find(
        ({ expected }) => expected !== 'pass' && expected.length === 1 && expected[0] === id,
      );
      if (alone === undefined) throw new Error(`no case shows ${id} alone`);
      const others = POLICY_RULES.filter((other) => other !== rule);
      expect(rulesOf(alone)).toEqual([id]);
      expect(rulesOf(alone, others)).toEqual([]);
    },
  );

  test('says for every finding where it is, what it is and how to mend it, on one line each', () => {
    for (const { input } of POLICY_CASES) {
      for (const { where, message, fix } of checkCredentials(input).findings) {
        for (const text of [where, message, fix]) expect(text).toMatch(/^[^\n\r]{2,400}$/);
      }
    }
  });

  test('shows a short host that is wrong and withholds a long one', () => {
    const told = (host: string) =>
      checkCredentials(staging({ ALPACA_BASE_URL: `https://${host}` })).findings[0]?.message;
    expect(told('api.alpaca.markets')).toContain('its host is "api.alpaca.markets", allowed: paper-api.alpaca.markets');
    expect(told(`${'long-host-'.repeat(12)}x.com`)).toContain('its host is (withheld)');
    expect(told(`${SECRET.slice(3, 20).toLowerCase()}.com`)).toContain('its host is (withheld)');
  });

  test('never repeats a key or secret, nor six characters of one', () => {
    const secrets = [PAPER, PAPER_26, LIVE, LIVE_26, BROKER, SECRET, SECRET_44];
    const parts = secrets.flatMap((secret) =>
      Array.from({ length: secret.length - 5 }, (_, i) => secret.slice(i, i + 6)),
    );
    for (const { title, input } of POLICY_CASES) {
      const report = JSON.stringify(checkCredentials(input)).toLowerCase();
      expect({ title, found: parts.filter((part) => report.includes(part.toLowerCase())) }).toEqual({
        title,
        found: [],
      });
    }
  });
});
