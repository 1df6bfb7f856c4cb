import type { PolicyContext } from '../context.ts';
import type { RuleFinding } from '../types.ts';
import type { Rule } from './rule.ts';

function gate(context: PolicyContext): RuleFinding[] {
  if (!context.production) return [];
  const problem = gateProblem(context);
  if (problem === undefined) return [];
  return [
    {
      where: 'gate',
      message: `production is entered only behind the gate: ${problem}`,
      fix: 'deliver this commit through the gate and hand its evidence on',
    },
  ];
}

function gateProblem({ input }: PolicyContext): string | undefined {
  const { gate } = input;
  if (gate === undefined) return 'there is no evidence of it';
  // The evidence comes from a file: its type is a hope, not a fact.
  const {
    approved,
    commit,
    manifest_digest: digest,
    approved_by: people,
    approved_at: at,
  } = gate as Record<keyof typeof gate, unknown>;
  if (approved !== true) return 'it has not approved';
  if (typeof commit !== 'string' || !/^[0-9a-f]{40}$/.test(commit)) return 'its evidence names no commit';
  if (typeof digest !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(digest)) return 'its evidence names no manifest';
  if (
    !Array.isArray(people) ||
    people.length === 0 ||
    people.some((name) => typeof name !== 'string' || name.trim() === '')
  ) {
    return 'its evidence names nobody who approved';
  }
  if (typeof at !== 'string' || !/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/.test(at) || Number.isNaN(Date.parse(at))) {
    return 'its evidence has no time of approval';
  }
  const release = input.env['RELEASE_SHA'];
  if (release !== undefined && release !== commit) return 'its evidence is for another commit than RELEASE_SHA';
  return undefined;
}

export const PRODUCTION_RULES: readonly Rule[] = [
  {
    id: 'gate',
    demands: 'Production: evidence of the gate is at hand, complete, and for the commit that runs.',
    check: gate,
  },
];
