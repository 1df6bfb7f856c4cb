import { relative, sep } from 'node:path';
import { POLICY_RULES, PROBE_RULES, type Finding, type ValidateProblem } from '@papergate/config';
import type { ActionLog, Inline, LogPlace, Summary } from '@papergate/delivery';

/** One rule that says no. */
export interface Objection {
  /** Id of the rule. */
  rule: string;
  /** A variable, `file:line`, a file, or a key of the configuration. */
  where: string;
  message: string;
  fix: string;
}

/** Everything that was looked at and what came of it. */
export interface Report {
  environment: string;
  objections: Objection[];
  /** Ids of all rules that were applied, those that object among them. */
  checked: string[];
  notes: string[];
}

/** Rules that only a job has. */
const OWN_RULES: readonly { id: string; demands: string }[] = [
  { id: 'said-twice', demands: 'No variable is one thing by an input and another in the environment or the secrets.' },
  { id: 'foreign-secret', demands: 'No secret on GitHub that the job could read has a name of the other world.' },
  { id: 'secret-name-missing', demands: 'All secrets of the input secret-names exist.' },
  { id: 'secret-names-unreadable', demands: 'The names of the secrets can be read.' },
];
const DEMANDS = new Map([...POLICY_RULES, ...PROBE_RULES, ...OWN_RULES].map(({ id, demands }) => [id, demands]));

export const codeOf = (rule: string): string => rule.toUpperCase().replaceAll('-', '_');

/** A rule of the policy. */
export const ofFinding = ({ rule, where, message, fix }: Finding): Objection => ({ rule, where, message, fix });

/** What is wrong with a file or a variable; `root` is not said: a reader knows which checkout is meant. */
export function ofProblem({ code, where, message, fix }: ValidateProblem, root: string): Objection {
  const short = (text: string): string => text.replaceAll(`${root}${sep}`, '');
  return { rule: code.toLowerCase().replaceAll('_', '-'), where: short(where), message: short(message), fix };
}

/** Each objection at its file and line where it has one. */
export function annotate(
  log: Pick<ActionLog, 'error'>,
  objections: readonly Objection[],
  root: string,
  workspace: string,
): void {
  for (const { rule, where, message, fix } of objections)
    log.error(`${message}\n  fix: ${fix}`, { title: rule, ...placeOf(where, root, workspace) });
}

/** `file:line`, or a file in a folder with what it is about behind a colon; variables and keys have no place. */
function placeOf(where: string, root: string, workspace: string): LogPlace {
  const [, path, line] = /^([^\s:]+):(\d+)$/.exec(where) ?? /^([^\s:]*\/[^\s:]*)(?=$|:\s)/.exec(where) ?? [];
  if (path === undefined) return {};
  const inside = relative(workspace, root).split(sep).join('/');
  return {
    file: inside === '' ? path : `${inside}/${path}`,
    ...(line === undefined ? {} : { line: Number(line) }),
  };
}

export function summarise(summary: Summary, { environment, objections, checked, notes }: Report): void {
  const count = objections.length;
  const holding = checked.filter((rule) => !objections.some((objection) => objection.rule === rule));
  summary
    .heading(`Credentials for ${environment}`, 2)
    .verdict(
      count === 0 ? 'pass' : 'block',
      count === 0 ? `${checked.length} rules hold` : `${count} ${count === 1 ? 'objection' : 'objections'}`,
    );
  if (count > 0)
    summary.table(
      ['', 'rule', 'where', 'what', 'how to mend it'],
      objections.map(({ rule, where, message, fix }): Inline[] => [
        '⛔',
        { code: rule },
        { code: where },
        message,
        fix,
      ]),
    );
  summary.details(`${holding.length} rules hold`, (inner) =>
    inner.table(
      ['', 'rule', 'what it demands'],
      holding.map((rule): Inline[] => ['✅', { code: rule }, DEMANDS.get(rule)?.replaceAll('`', '') ?? '']),
    ),
  );
  if (notes.length > 0) summary.list(notes);
}
