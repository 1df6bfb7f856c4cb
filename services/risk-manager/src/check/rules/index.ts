import { ACCOUNT_RULES, FUNDS_RULES, STATE_RULES } from './account.ts';
import { EXPOSURE_RULES } from './exposure.ts';
import { LOSS_RULES } from './loss.ts';
import { ORDER_RULES } from './order.ts';
import { PRICE_RULES } from './price.ts';
import { TIME_RULES } from './time.ts';
import { TRAFFIC_RULES } from './traffic.ts';
import type { Rule } from './types.ts';

/** Every rule, in the order in which they are asked: the first that refuses answers. */
export const RULES: readonly Rule[] = [
  ...STATE_RULES,
  ...ORDER_RULES,
  ...PRICE_RULES,
  ...TIME_RULES,
  ...TRAFFIC_RULES,
  ...ACCOUNT_RULES,
  ...LOSS_RULES,
  ...EXPOSURE_RULES,
  ...FUNDS_RULES,
];

export type { Question, Rule } from './types.ts';
