import type { PolicyContext } from '../context.ts';
import type { RuleFinding } from '../types.ts';

export interface Rule {
  /** Stable: programs and people refer to it. */
  id: string;
  /** What it demands, for the table in the README. */
  demands: string;
  /** Everything that breaks the rule; none where it holds or does not apply. */
  check: (context: PolicyContext) => RuleFinding[];
}

/** The name of a variable for a message: one that is itself strange or holds a key is not printed. */
export function showName(context: PolicyContext, name: string, index: number): string {
  const plain = /^[A-Za-z_][A-Za-z0-9_.()-]{0,80}$/.test(name) && context.show(name) !== '(withheld)';
  return plain ? name : `variable ${index + 1} of the environment (name withheld)`;
}
