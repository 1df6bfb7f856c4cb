import type { DeliverOutcome } from '../../deliver/options.ts';
import type { Observed } from '../../deliver/types.ts';
import type { Check, StageResult } from '../../evidence/index.ts';
import type { Manifest } from '../../release/index.ts';

/** What the engine has proven of a deploy, without its smoke test, which is a stage of its own. */
export function deployEvidence(outcome: DeliverOutcome): StageResult {
  const { status, run, generation, from, to, timings, intakeAwayMs, migrations, checkpoint, pruned, warnings } =
    outcome;
  const smoked = new Set((outcome.smoke?.checks ?? []).map(({ name }) => name));
  const checks = outcome.checks.filter(({ name }) => !smoked.has(name));
  const passed = status === 'delivered' || status === 'unchanged' || outcome.smoke?.status === 'failed';
  return {
    status: passed ? 'passed' : 'failed',
    checks: checks.length > 0 ? checks : [{ name: status, status: passed ? 'passed' : 'failed' }],
    data: {
      outcome: status,
      run,
      generation,
      from: from?.digest ?? null,
      to: to.digest,
      timings,
      intake_away_ms: intakeAwayMs ?? null,
      migrations,
      checkpoint: checkpoint ?? null,
      pruned: pruned ?? null,
      warnings,
    },
  };
}

/** A bundle that lost a service under load and got it back has not held. */
export function withRestarts(result: StageResult, observed: Observed, manifest: Manifest): StageResult {
  const crashed = observed.services.filter(({ restarts, ready }) => restarts > 0 || !ready);
  const other = observed.manifestDigest !== undefined && observed.manifestDigest !== manifest.digest;
  const failed = crashed.length > 0 || other;
  const check: Check = {
    name: 'no service crashed since the deploy',
    status: failed ? 'failed' : 'passed',
    observed: crashed.length,
    limit: '0',
    ...(failed
      ? {
          detail: other
            ? `another release runs: ${observed.manifestDigest ?? ''}`
            : crashed
                .map(({ service, detail }) => `${service}${detail === undefined ? '' : ` (${detail})`}`)
                .join(', '),
        }
      : {}),
  };
  return { ...result, status: failed ? 'failed' : result.status, checks: [...result.checks, check] };
}
