import { messageOf, PapergateError } from '@papergate/config';
import { describeConfig, type GateConfig } from './config.ts';
import { RULES } from './rules/index.ts';
import { snapshotOf } from './snapshot.ts';
import {
  RULE_NAMES,
  type GateContext,
  type Judgement,
  type Moment,
  type Problem,
  type Rule,
  type RuleName,
} from './types.ts';
import type { Waiver } from './waivers.ts';

/** What one rule said. */
export interface RuleOutcome {
  name: RuleName;
  title: string;
  source: string;
  /** `waived`: it would have blocked, or is left out, and a waiver says why that may be. */
  verdict: 'passed' | 'waived' | 'blocked';
  seen: string;
  wanted: string;
  /** Its figures, with the default beside each that is another. */
  config: string;
  problems: readonly Problem[];
  waiver?: Waiver;
}

export interface Reason extends Problem {
  rule: RuleName;
}

export interface ProductionDecision {
  decision: 'pass' | 'block';
  /** Everything that blocks; empty with `pass`. */
  reasons: Reason[];
  rules: RuleOutcome[];
  /** Waivers of rules that would have passed without. */
  needless: Waiver[];
  /** RFC 3339 UTC by GitHub's clock; null where GitHub did not tell. */
  judgedAt: string | null;
  moment: Moment;
  commit: string;
  manifestDigest: string;
}

export type RuleSet = { readonly [N in RuleName]: Rule<N> };

/**
 * Asks every rule whether production may open. What cannot be read, is missing, or breaks a rule's own code blocks.
 * A rule is left out by its configuration together with a waiver, never by one of them alone.
 */
export async function decideProduction(
  asked: GateContext,
  waivers: readonly Waiver[],
  rules: RuleSet = RULES,
): Promise<ProductionDecision> {
  const context = snapshotOf(asked);
  const outcomes: RuleOutcome[] = [];
  for (const name of RULE_NAMES) {
    const waiver = waivers.find((one) => one.rule === name);
    outcomes.push(await outcomeOf(rules[name], context, waiver));
  }
  const reasons = outcomes
    .filter(({ verdict }) => verdict === 'blocked')
    .flatMap(({ name, problems }) => problems.map((problem) => ({ rule: name, ...problem })));
  // Counted and not derived: an outcome that is missing must not look like one that passed.
  const isOpen =
    outcomes.length === RULE_NAMES.length &&
    outcomes.every(({ verdict }) => verdict === 'passed' || verdict === 'waived');
  return {
    decision: isOpen ? 'pass' : 'block',
    reasons,
    rules: outcomes,
    needless: waivers.filter(({ rule }) => outcomes.some(({ name, verdict }) => name === rule && verdict === 'passed')),
    judgedAt: await context.now().then(
      (ms) => new Date(ms).toISOString(),
      () => null,
    ),
    moment: asked.moment,
    commit: asked.manifest.commit,
    manifestDigest: asked.manifest.digest,
  };
}

async function outcomeOf(rule: Rule, context: GateContext, waiver: Waiver | undefined): Promise<RuleOutcome> {
  const { name, title, source, waivable } = rule;
  const { seen, wanted, problems } = await judged(rule, context);
  const isWaived = problems.length > 0 && waiver !== undefined && waivable;
  return {
    name,
    title,
    source,
    verdict: problems.length === 0 ? 'passed' : isWaived ? 'waived' : 'blocked',
    seen,
    wanted,
    config: describeConfig(context.config, name),
    problems,
    ...(isWaived ? { waiver } : {}),
  };
}

async function judged(rule: Rule, context: GateContext): Promise<Judgement> {
  const config: GateConfig[RuleName] = context.config[rule.name];
  if (!config.enabled) {
    const message = `the rule is left out by the configuration, and no waiver says why`;
    return { seen: 'not asked', wanted: 'asked', problems: [{ code: 'RULE_LEFT_OUT', message }] };
  }
  try {
    return await rule.judge(context, config);
  } catch (error) {
    return { seen: 'no answer', wanted: 'an answer', problems: [problemOf(error)] };
  }
}

function problemOf(error: unknown): Problem {
  if (!(error instanceof PapergateError)) return { code: 'RULE_BROKE', message: messageOf(error) };
  return { code: error.code, message: error.fix === undefined ? error.message : `${error.message}; ${error.fix}` };
}
