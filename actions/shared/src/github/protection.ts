import type { Static } from 'typebox';
import type { BranchProtectionSchema } from './schema.ts';
import type { Rule } from './settings.ts';

/**
 * What of a branch's protection, the older kind of rules, binds everybody, in the words of the newer kind
 * (https://docs.github.com/en/rest/branches/branch-protection). Where administrators are let off, none of it does;
 * where somebody may do without a pull request, that rule does not.
 */
export function rulesOfProtection(protection: Static<typeof BranchProtectionSchema>): Rule[] {
  const { enforce_admins: admins, required_pull_request_reviews: reviews, required_status_checks: checks } = protection;
  if (admins?.enabled !== true) return [];
  const rules: Rule[] = [];
  if (protection.allow_deletions?.enabled === false) rules.push({ type: 'deletion' });
  if (protection.allow_force_pushes?.enabled === false) rules.push({ type: 'non_fast_forward' });
  const mayPass = Object.values(reviews?.bypass_pull_request_allowances ?? {}).some((who) => who.length > 0);
  if (reviews !== undefined && !mayPass) {
    rules.push({
      type: 'pull_request',
      parameters: {
        required_approving_review_count: reviews.required_approving_review_count ?? 0,
        dismiss_stale_reviews_on_push: reviews.dismiss_stale_reviews,
        require_code_owner_review: reviews.require_code_owner_reviews,
        require_last_push_approval: reviews.require_last_push_approval ?? false,
        required_review_thread_resolution: protection.required_conversation_resolution?.enabled ?? false,
      },
    });
  }
  if (checks !== undefined) {
    rules.push({
      type: 'required_status_checks',
      parameters: {
        strict_required_status_checks_policy: checks.strict ?? false,
        required_status_checks: (checks.checks ?? []).map(({ context, app_id }) => ({
          context,
          ...(app_id === null ? {} : { integration_id: app_id }),
        })),
      },
    });
  }
  return rules;
}
