import { checkCredentials, PapergateError, POLICY_RULES, type Environment } from '@papergate/config';
import type { GitHub } from '@papergate/delivery';
import type { Objection } from './report.ts';

export interface NamesQuestion {
  environment: Environment;
  /** The environment's name on GitHub. */
  gitHubEnvironment: string;
  /** Names that have to exist. */
  wanted: readonly string[];
  /** Whether an answer that is not given blocks. */
  required: boolean;
}

export interface NamesAnswer {
  objections: Objection[];
  notes: string[];
  /** Rules that were applied. */
  checked: string[];
}

/** The rule that looks at names alone. */
const FOREIGN = POLICY_RULES.filter(({ id }) => id === 'foreign-variable');
const WANTED_RULE = 'secret-name-missing';
const READ_RULE = 'secret-names-unreadable';

/**
 * Judges the names of the secrets that a job of the environment gets: its own and the repository's. GitHub never hands
 * out values, and names only to some tokens; without `required` a refusal is told and does not block.
 */
export async function judgeSecretNames(
  github: Pick<GitHub, 'secretNames'> | undefined,
  question: NamesQuestion,
): Promise<NamesAnswer> {
  const { environment, gitHubEnvironment, wanted, required } = question;
  const answer: NamesAnswer = { objections: [], notes: [], checked: [] };
  const places = [
    { of: `the environment ${gitHubEnvironment}`, ask: gitHubEnvironment },
    { of: 'the repository', ask: undefined },
  ];
  const names = new Set<string>();
  let complete = true;
  for (const { of, ask } of places) {
    const found = await read(github, ask);
    if (Array.isArray(found)) {
      for (const name of found) names.add(name);
      answer.objections.push(...foreign(environment, found, of));
      answer.checked.push('foreign-secret');
      continue;
    }
    complete = false;
    if (!required) answer.notes.push(`the names of the secrets of ${of} were not looked at: ${found}`);
    else answer.objections.push(unreadable(of, found));
  }
  if (required) answer.checked.push(READ_RULE);
  answer.objections.push(...missing(wanted, names, complete, answer));
  answer.checked = [...new Set(answer.checked)];
  return answer;
}

/** The names, or why there are none. */
async function read(
  github: Pick<GitHub, 'secretNames'> | undefined,
  of: string | undefined,
): Promise<string[] | string> {
  if (github === undefined) return 'there is no github-token';
  try {
    return await github.secretNames(of);
  } catch (error) {
    // What is no answer of GitHub's is a defect, or the end of the job.
    if (!(error instanceof PapergateError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

function foreign(environment: Environment, names: readonly string[], of: string): Objection[] {
  const env = Object.fromEntries(names.map((name) => [name, '']));
  return checkCredentials({ environment, env }, FOREIGN).findings.map(({ where }) => ({
    rule: 'foreign-secret',
    where,
    message: `${of} has a secret ${where}; in ${environment} no secret of that name may exist`,
    fix: `delete it there; what only production may know belongs to the environment of production`,
  }));
}

const unreadable = (of: string, why: string): Objection => ({
  rule: READ_RULE,
  where: of,
  message: `the names of the secrets of ${of} cannot be read, and require-secret-names is true: ${why}`,
  fix: 'give a github-token that may read them (environments: read, secrets: read), or set require-secret-names: false',
});

function missing(
  wanted: readonly string[],
  names: ReadonlySet<string>,
  complete: boolean,
  answer: NamesAnswer,
): Objection[] {
  const lacking = wanted.filter((name) => !names.has(name.toUpperCase()));
  if (wanted.length === 0) return [];
  // A name that was not seen may be in the part that was not shown.
  if (!complete && lacking.length > 0) {
    answer.notes.push(`whether ${lacking.join(', ')} exist cannot be told`);
    return [];
  }
  answer.checked.push(WANTED_RULE);
  return lacking.map((name) => ({
    rule: WANTED_RULE,
    where: name,
    message: `there is no secret ${name}, neither in the environment nor in the repository`,
    fix: `add it: gh secret set ${name} --env ENVIRONMENT`,
  }));
}
