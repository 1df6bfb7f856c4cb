import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readNeeds } from './needs.ts';

let checkout = '';
beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'papergate-needs-'));
  mkdirSync(join(checkout, '.github/workflows'), { recursive: true });
});
afterEach(() => rmSync(checkout, { recursive: true }));

describe('the environment of a job', () => {
  const secretOf = (environment: string, on = 'push'): Record<string, string[]> => {
    const job = `{ environment: '${environment}', steps: [{ run: '\${{ secrets.ONE }}' }] }`;
    writeFileSync(join(checkout, '.github/workflows/a.yml'), `on: ${on}\njobs: { x: ${job} }\n`);
    const { secrets } = readNeeds(checkout, ['staging', 'production']);
    return Object.fromEntries([...secrets].map(([name, names]) => [name, [...names]]));
  };

  test('is what it says', () => {
    expect(secretOf('canary')).toEqual({ canary: ['ONE'] });
    expect(secretOf('')).toEqual({ '': ['ONE'] });
  });

  test('may be each choice of an input, else any', () => {
    const on = '{ workflow_dispatch: { inputs: { where: { type: choice, options: [staging] } } } }';
    expect(secretOf('${{ inputs.where }}', on)).toEqual({ staging: ['ONE'] });
    expect(secretOf('${{ inputs.other }}', on)).toEqual({ staging: ['ONE'], production: ['ONE'] });
    expect(secretOf('${{ vars.WHERE }}')).toEqual({ staging: ['ONE'], production: ['ONE'] });
  });
});

test('a repository without workflows needs nothing', () => {
  rmSync(join(checkout, '.github'), { recursive: true });
  const { secrets, variables, labels } = readNeeds(checkout, ['staging']);
  expect([secrets.size, variables.size, labels.size]).toEqual([0, 0, 0]);
});
