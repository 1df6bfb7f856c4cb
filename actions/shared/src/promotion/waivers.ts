import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { UserError } from '@papergate/config';
import { RULES } from './rules/index.ts';
import { RULE_NAMES, type RuleName } from './types.ts';

const SHORTEST_REASON = 15;

const WaiverSchema = Type.Object(
  {
    rule: Type.String(),
    /** Why it may go out all the same; read by whoever comes after. */
    reason: Type.String({ minLength: 1 }),
    /** Who answers for it: a GitHub account. */
    who: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9-]{0,38}$' }),
  },
  { additionalProperties: false },
);
export type Waiver = Static<typeof WaiverSchema> & { rule: RuleName };

/**
 * Reads waivers: `[{"rule": "alerts", "reason": "…", "who": "octocat"}]`.
 * @throws UserError WAIVER_INVALID with everything that is wrong with them
 */
export function readWaivers(value: unknown): Waiver[] {
  if (!Array.isArray(value)) throw invalid(['they are no list']);
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const complain = (what: string): number => problems.push(`waiver ${index + 1}: ${what}`);
    if (!Value.Check(WaiverSchema, item)) {
      const [error] = Value.Errors(WaiverSchema, item);
      complain(
        `${error?.instancePath ?? ''} ${error?.message ?? 'is none'}; allowed are rule, reason and who (a GitHub account)`,
      );
      continue;
    }
    const name = RULE_NAMES.find((one) => one === item.rule);
    if (name === undefined) complain(`there is no rule "${item.rule}"; allowed: ${waivable().join(', ')}`);
    else if (!RULES[name].waivable) complain(`the rule "${name}" cannot be waived`);
    if (seen.has(item.rule)) complain(`the rule "${item.rule}" is waived twice`);
    if (item.reason.trim().length < SHORTEST_REASON) {
      complain(
        `its reason has ${item.reason.trim().length} characters; wanted is a sentence, ${SHORTEST_REASON} at least`,
      );
    }
    seen.add(item.rule);
  }
  if (problems.length > 0) throw invalid(problems);
  return value as Waiver[];
}

const waivable = (): RuleName[] => RULE_NAMES.filter((name) => RULES[name].waivable);

const invalid = (problems: readonly string[]): UserError =>
  new UserError({
    code: 'WAIVER_INVALID',
    message: `the waivers cannot be used: ${problems.join('; ')}`,
    fix: 'give a JSON list such as [{"rule": "on-call", "reason": "the team watches together today", "who": "octocat"}]',
  });
