import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, UserError } from '@papergate/config';
import { parse } from 'yaml';

/** What the workflows of a checkout read of GitHub's settings. */
export interface WorkflowNeeds {
  /** Secrets by environment; those of jobs without one under the empty name: they belong to the repository. */
  secrets: Map<string, Set<string>>;
  variables: Set<string>;
  /** That new issues get. */
  labels: Set<string>;
}

const SECRET = /\bsecrets\.([A-Za-z_][A-Za-z0-9_]*)/g;
const VARIABLE = /\bvars\.([A-Za-z_][A-Za-z0-9_]*)/g;
/** GitHub sets it by itself. */
const OWN = 'GITHUB_TOKEN';

/**
 * Reads `.github/`: names of secrets, by the environment of the job that uses them, of variables and of labels. A job
 * whose environment is an input counts for each of the input's choices; one that is only known at run time, for each of
 * `environments`.
 * @throws UserError WORKFLOW_UNREADABLE naming the file
 */
export function readNeeds(repository: string, environments: readonly string[]): WorkflowNeeds {
  const needs: WorkflowNeeds = { secrets: new Map(), variables: new Set(), labels: new Set() };
  for (const { file, document } of yamlFiles(join(repository, '.github/workflows'))) {
    const { jobs, on } = asObject(document, file);
    for (const job of Object.values(asObject(jobs ?? {}, file))) {
      const text = JSON.stringify(job);
      for (const environment of environmentsOf(job, on, environments)) {
        const names = needs.secrets.get(environment) ?? new Set();
        for (const [, name = ''] of text.matchAll(SECRET)) if (name !== OWN) names.add(name);
        if (names.size > 0) needs.secrets.set(environment, names);
      }
    }
    for (const [, name = ''] of JSON.stringify(document).matchAll(VARIABLE)) needs.variables.add(name);
  }
  for (const { document } of yamlFiles(join(repository, '.github/ISSUE_TEMPLATE'))) {
    const { labels } = document as { labels?: unknown };
    for (const label of Array.isArray(labels) ? labels : []) if (typeof label === 'string') needs.labels.add(label);
  }
  return needs;
}

const INPUT = /^\$\{\{\s*inputs\.([\w-]+)\s*\}\}$/;

function environmentsOf(job: unknown, on: unknown, all: readonly string[]): readonly string[] {
  const environment = at(job, 'environment');
  const name = typeof environment === 'string' ? environment : at(environment, 'name');
  if (typeof name !== 'string' || name === '') return [''];
  if (!name.includes('${{')) return [name];
  const [, input] = INPUT.exec(name) ?? [];
  const options = input === undefined ? undefined : at(on, 'workflow_dispatch', 'inputs', input, 'options');
  const choices = Array.isArray(options) ? options.filter((one) => typeof one === 'string') : [];
  return choices.length > 0 ? choices : all;
}

/** A member of objects in each other; undefined where there is none. */
function at(value: unknown, ...keys: string[]): unknown {
  return keys.reduce<unknown>((now, key) => {
    return typeof now === 'object' && now !== null ? (now as Record<string, unknown>)[key] : undefined;
  }, value);
}

function* yamlFiles(folder: string): Generator<{ file: string; document: unknown }> {
  let names: string[] = [];
  try {
    names = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
  } catch {
    return; // a repository without workflows needs none of their secrets
  }
  for (const name of names.sort()) {
    const file = join(folder, name);
    try {
      yield { file, document: parse(readFileSync(file, 'utf8')) };
    } catch (error) {
      throw unreadable(file, messageOf(error).split('\n')[0] ?? '', error);
    }
  }
}

function asObject(value: unknown, file: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw unreadable(file, 'it holds no jobs');
}

const unreadable = (file: string, why: string, cause?: unknown): UserError =>
  new UserError({
    code: 'WORKFLOW_UNREADABLE',
    message: `${file} is no workflow that can be read: ${why}`,
    fix: 'mend the file; "npm test -- actions/cli/src/workflows" checks all of them',
    cause,
  });
