import { CREDENTIAL_CASES } from './cases/credentials.ts';
import { FILE_CASES } from './cases/files.ts';
import type { PolicyCase } from './cases/fixtures.ts';
import { INNOCENT_CASES } from './cases/innocent.ts';
import { MODE_CASES } from './cases/modes.ts';
import { PRODUCTION_CASES } from './cases/production.ts';
import { SMUGGLED_VARIABLE_CASES } from './cases/smuggled-variables.ts';
import { URL_CASES } from './cases/urls.ts';

export type { PolicyCase } from './cases/fixtures.ts';

/** What proves the policy: every way in that was thought of, and everything legitimate that must pass. */
export const POLICY_CASES: readonly PolicyCase[] = [
  ...CREDENTIAL_CASES,
  ...MODE_CASES,
  ...URL_CASES,
  ...SMUGGLED_VARIABLE_CASES,
  ...FILE_CASES,
  ...INNOCENT_CASES,
  ...PRODUCTION_CASES,
];
