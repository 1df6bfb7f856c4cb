import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { RiskLimitsSchema } from '../schema/risk-limits.ts';
import { SystemConfigSchema } from '../schema/system.ts';
import { SKIPPED_FOLDERS } from './files.ts';
import { PROBE_RULES } from './probe/probe.ts';
import { POLICY_RULES } from './rules/index.ts';

const README = readFileSync(join(import.meta.dirname, '..', '..', 'README.md'), 'utf8');
const section = (title: string): string => README.split(`### ${title}\n`)[1]?.split(/\n##/)[0] ?? '';
/** Rows of a table as the formatter leaves them, cells trimmed. */
const rows = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .split(' | ')
        .map((cell) => cell.trim()),
    );

describe('the README', () => {
  test.each([
    ['Rules that need no network', POLICY_RULES],
    ['Rules that are asked of the hosts', PROBE_RULES],
  ])('lists the rules of the code, each with what it demands: %s', (title, rules) => {
    expect(rows(section(title))).toEqual(rules.map(({ id, demands }) => [`\`${id}\``, demands]));
  });

  test('has no rule twice, between both kinds', () => {
    const ids = [...POLICY_RULES, ...PROBE_RULES].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z]+(?:-[a-z]+)*$/);
  });

  test('names every key and table at the top of both schemas', () => {
    for (const key of Object.keys(SystemConfigSchema.properties))
      expect(section('Keys of `system.<environment>.json`')).toContain(`\`${key}`);
    for (const key of Object.keys(RiskLimitsSchema.properties))
      expect(section('Tables of `risk_limits.toml`')).toContain(`\`${key}\``);
  });

  test('names the folders that are not searched', () => {
    for (const name of SKIPPED_FOLDERS) expect(README).toContain(`\`${name}\``);
  });
});
