import { development, staging, system, type PolicyCase } from './fixtures.ts';

const WRONG_BOOLEANS = [undefined, '', 'false', 'True', 'TRUE', '1', 'yes', 'on', ' true', 'true\n', '"true"', 'truе'];

export const MODE_CASES: readonly PolicyCase[] = [
  ...WRONG_BOOLEANS.map((value): PolicyCase => ({
    title: `DRY_RUN ${value === undefined ? 'not set' : JSON.stringify(value)}`,
    input: staging({ DRY_RUN: value }),
    expected: ['dry-run'],
  })),
  ...WRONG_BOOLEANS.map((value): PolicyCase => ({
    title: `ALPACA_PAPER ${value === undefined ? 'not set' : JSON.stringify(value)}`,
    input: staging({ ALPACA_PAPER: value }),
    expected: ['alpaca-paper'],
  })),
  { title: 'DRY_RUN false in development', input: development({ DRY_RUN: 'false' }), expected: ['dry-run'] },
  {
    title: 'both modes off',
    input: staging({ DRY_RUN: 'false', ALPACA_PAPER: 'false' }),
    expected: ['dry-run', 'alpaca-paper'],
  },

  { title: 'ENVIRONMENT not set', input: staging({ ENVIRONMENT: undefined }), expected: 'pass' },
  {
    title: 'ENVIRONMENT production beside a check of staging',
    input: staging({ ENVIRONMENT: 'production' }),
    expected: ['environment-mismatch'],
  },
  { title: 'ENVIRONMENT in capitals', input: staging({ ENVIRONMENT: 'STAGING' }), expected: ['environment-mismatch'] },
  { title: 'ENVIRONMENT empty', input: staging({ ENVIRONMENT: '' }), expected: ['environment-mismatch'] },
  {
    title: 'a system configuration of another environment',
    input: staging({}, { system: system({}, { environment: 'production' }) }),
    expected: ['environment-mismatch'],
  },
];
