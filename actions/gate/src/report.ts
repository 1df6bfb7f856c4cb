import type { Inline, ProductionDecision, RuleOutcome } from '@papergate/delivery';
import type { GateJob } from './gate.ts';

const SIGNS: Readonly<Record<RuleOutcome['verdict'], string>> = { passed: '✅', waived: '⚠️', blocked: '⛔' };
const ORDER: readonly RuleOutcome['verdict'][] = ['blocked', 'waived', 'passed'];

/** The decision as a person reads it: what blocks first, and every rule with its figures; each reason an annotation. */
export function reportDecision({ log, summary }: Pick<GateJob, 'log' | 'summary'>, decision: ProductionDecision): void {
  const { rules, reasons, needless, commit, manifestDigest, moment, judgedAt } = decision;
  for (const { rule, code, message } of reasons) log.error(`${code}: ${message}`, { title: `gate: ${rule}` });
  for (const { name, waiver, problems } of rules) {
    if (waiver === undefined) continue;
    const instead = problems.map(({ message }) => message).join('; ');
    log.warning(`waived by ${waiver.who}: ${waiver.reason} (${instead})`, { title: `gate: ${name}` });
  }
  for (const { rule } of needless) log.notice(`the rule passed, its waiver was not needed`, { title: `gate: ${rule}` });

  const waived = rules.filter(({ verdict }) => verdict === 'waived');
  summary.heading('Gate of production');
  if (decision.decision === 'block') summary.verdict('block', `production stays closed: ${reasons.length} reasons`);
  else
    summary.verdict('pass', waived.length === 0 ? 'every rule holds' : `it opens, with ${waived.length} rules waived`);
  summary.text(
    'Commit ',
    { code: commit },
    ', manifest ',
    { code: manifestDigest },
    moment === 'before-approval' ? ', before the approval' : ', after the approval',
    judgedAt === null ? '.' : `, at ${judgedAt} by GitHub’s clock.`,
  );
  summary.table(
    ['', 'rule', 'seen', 'wanted', 'source'],
    rules
      .toSorted((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict))
      .map((one): Inline[] => [SIGNS[one.verdict], one.title, one.seen, one.wanted, one.source]),
  );
  if (reasons.length > 0) {
    summary.heading('What blocks', 4);
    summary.table(
      ['rule', 'code', 'why'],
      reasons.map(({ rule, code, message }): Inline[] => [{ code: rule }, { code }, message]),
    );
  }
  if (waived.length > 0) {
    summary.heading('Waived', 4);
    summary.table(
      ['rule', 'by', 'reason', 'instead of'],
      waived.map(({ name, waiver, problems }): Inline[] => [
        { code: name },
        waiver?.who ?? '',
        waiver?.reason ?? '',
        problems.map(({ code, message }) => `${code}: ${message}`).join('; '),
      ]),
    );
  }
  summary.details('Every rule with its figures', (inner) =>
    inner.table(
      ['rule', 'figures', 'source'],
      rules.map(({ name, config, source }): Inline[] => [{ code: name }, config === '' ? 'none' : config, source]),
    ),
  );
}
