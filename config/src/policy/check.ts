import { UserError } from '../errors.ts';
import { buildContext } from './context.ts';
import { readSecretFiles } from './files.ts';
import { POLICY_RULES } from './rules/index.ts';
import type { Rule } from './rules/rule.ts';
import type { PolicyInput, PolicyReport } from './types.ts';

/**
 * Applies the credential policy to what is given: pure, without a network, a clock or a file system.
 * The report never holds a secret or part of one.
 */
export function checkCredentials(input: PolicyInput, rules: readonly Rule[] = POLICY_RULES): PolicyReport {
  const context = buildContext(input);
  const findings = rules.flatMap((rule) => rule.check(context).map((finding) => ({ rule: rule.id, ...finding })));
  return {
    ok: findings.length === 0,
    environment: input.environment,
    findings,
    checked: rules.map(({ id }) => id),
    notes: input.files === undefined ? ['no files were given to be searched for keys'] : [],
  };
}

/**
 * What every service does first: reads the files that `<NAME>_FILE` variables name, applies the policy and
 * refuses with `CREDENTIALS_REFUSED` (exit 2) and all findings.
 */
export function assertCredentials(input: PolicyInput): PolicyReport {
  const files = [...(input.files ?? []), ...readSecretFiles(input.env, input.files)];
  const report = checkCredentials({ ...input, files });
  if (!report.ok) throw refusal(report);
  return report;
}

/** The error that tells a report's findings. */
export function refusal(report: PolicyReport): UserError {
  const lines = report.findings.map(({ rule, message, fix }) => `\n  [${rule}] ${message}; ${fix}`);
  return new UserError({
    code: 'CREDENTIALS_REFUSED',
    message: `the credential policy refuses this ${report.environment} (${report.findings.length} ${report.findings.length === 1 ? 'finding' : 'findings'})${lines.join('')}`,
    fix: 'mend what is listed; config/README.md explains every rule',
  });
}
