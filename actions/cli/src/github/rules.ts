import type { BranchRule } from '@papergate/delivery';

/**
 * What of the wanted rules does not hold, by all rules that do, whoever made them: a stricter one of an organization
 * is as good as ours. Each in words for a table; empty where all hold.
 */
export function missingRules(wanted: readonly BranchRule[], effective: readonly BranchRule[]): string[] {
  return wanted.flatMap((rule) => {
    const same = effective.filter(({ type }) => type === rule.type);
    if (same.length === 0) return [nameOf(rule.type)];
    const parameters = Object.entries(rule.parameters ?? {});
    return parameters
      .filter(([key, value]) => !same.some((one) => isAtLeast(one.parameters?.[key], value)))
      .map(([key]) => nameOf(key));
  });
}

function isAtLeast(is: unknown, wanted: unknown): boolean {
  if (wanted === true) return is === true;
  if (typeof wanted === 'number') return typeof is === 'number' && is >= wanted;
  if (Array.isArray(wanted)) {
    const contexts = Array.isArray(is) ? is.map(contextOf) : [];
    return wanted.every((one) => contexts.includes(contextOf(one)));
  }
  return is === wanted;
}

const contextOf = (check: unknown): unknown => (check as { context?: unknown } | null)?.context;

const nameOf = (key: string): string => key.replaceAll('_', ' ');
