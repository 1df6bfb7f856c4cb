import { CREDENTIAL_RULES } from './credentials.ts';
import { MODE_RULES } from './modes.ts';
import { PRODUCTION_RULES } from './production.ts';
import type { Rule } from './rule.ts';
import { SMUGGLING_RULES } from './smuggling.ts';
import { URL_RULES } from './urls.ts';

/** The whole policy, in the order in which its findings are told. */
export const POLICY_RULES: readonly Rule[] = [
  ...CREDENTIAL_RULES,
  ...MODE_RULES,
  ...URL_RULES,
  ...SMUGGLING_RULES,
  ...PRODUCTION_RULES,
];
