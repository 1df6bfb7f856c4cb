import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { defaultGateConfig, loadGateConfig } from './config.ts';
import { rulesTable } from './describe.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..', '..');
const plain = (markdown: string): string[] =>
  markdown
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[ |-]+$/.test(line))
    .map((line) => line.replaceAll(/ +/g, ' ').trim());

test('the README of the gate has every rule with its figures and reasons', () => {
  const readme = readFileSync(join(ROOT, 'actions', 'gate', 'README.md'), 'utf8');
  const between = /<!-- rules:begin -->\n([\s\S]*)<!-- rules:end -->/.exec(readme)?.[1] ?? '';
  expect(plain(between)).toEqual(plain(rulesTable()));
});

test('the configuration of this repository states every figure, all of them the defaults', () => {
  const file = JSON.parse(readFileSync(join(ROOT, 'config', 'gate.production.json'), 'utf8')) as unknown;
  expect(file).toEqual(defaultGateConfig());
  expect(loadGateConfig(join(ROOT, 'config'))).toEqual(defaultGateConfig());
});
