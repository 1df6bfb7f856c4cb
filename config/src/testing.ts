/** What the policy is proven with, for those who prove that it is applied. Keys are made at run time. */
export { POLICY_CASES, type PolicyCase } from './policy/cases.ts';
export { BROKER, key, LIVE, LIVE_26, makeText, PAPER, PAPER_26, SECRET, SECRET_44 } from './policy/cases/fixtures.ts';
