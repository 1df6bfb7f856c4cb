import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));

/** Where the actions, the workflows' steps and the gate say what is wrong. */
const SOURCES = [
  ...['github', 'promotion', 'action', 'verbs', 'evidence'].map((name) => `actions/shared/src/${name}`),
  ...['build-push', 'deploy', 'gate', 'load-test', 'rollback', 'smoke', 'validate-credentials'].map(
    (verb) => `actions/${verb}/src`,
  ),
  ...['act', 'actions', 'github', 'workflows'].map((name) => `actions/cli/src/${name}`),
];
/** Where somebody looks who has read a code. */
const PAGES = ['docs/operations.md', 'config/README.md', ...SOURCES.flatMap(readmeOf)];

function readmeOf(source: string): string[] {
  const [, verb] = /^actions\/([a-z-]+)\/src$/.exec(source) ?? [];
  return verb === undefined ? [] : [`actions/${verb}/README.md`];
}

const CODE = /\b(?:code|reasonCode): '([A-Z][A-Z0-9_]+)'/g;

function codesOf(folder: string): string[] {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !/\.test\.|(?:^|\/)(?:testing|fake|dist)[/.]/.test(name),
  );
  return files.flatMap((name) => {
    const text = readFileSync(join(ROOT, folder, name), 'utf8');
    return [...text.matchAll(CODE)].map(([, code]) => code ?? '');
  });
}

test('every code that an action, a workflow or the gate ends with is explained', () => {
  const codes = new Set(SOURCES.flatMap(codesOf));
  expect(codes.size).toBeGreaterThan(100);
  expect([...codes]).toEqual(expect.arrayContaining(['GITHUB_FORBIDDEN', 'INPUT_INVALID', 'ALERT_FIRED']));
  const explained = PAGES.map((page) => readFileSync(join(ROOT, page), 'utf8')).join('\n');
  expect([...codes].filter((code) => !explained.includes(`\`${code}\``))).toEqual([]);
});
