import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const ACTIONS = fileURLToPath(new URL('../../../', import.meta.url));
const OWN = 'cli/src/backtest/';
const SERVICE =
  /from '@papergate\/(service-kit|market-data|signal-bridge|risk-manager|execution-engine|orchestrator|observability-api|dashboard|paper-exchange)([^']*)'/g;

// turbo lets the command's package depend on three services; this holds it to one folder and one door of each.
test('of all that is under actions/ only the backtest imports services, and only what they keep for it', () => {
  const files = readdirSync(ACTIONS, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !/(^|\/)(node_modules|dist)\//.test(name),
  );
  const found = files.flatMap((name) =>
    [...readFileSync(join(ACTIONS, name), 'utf8').matchAll(SERVICE)].map(([, , path = '']) => ({
      file: relative('.', name),
      path,
    })),
  );
  expect(found.length).toBeGreaterThan(5);
  expect(
    found.filter(
      ({ file, path }) => !file.startsWith(OWN) || (path !== '/backtest' && !/\btest/.test(file.slice(OWN.length))),
    ),
  ).toEqual([]);
});
