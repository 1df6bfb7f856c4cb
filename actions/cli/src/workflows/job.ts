import { appendFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { Secret, UserError, type EnvSource } from '@papergate/config';
import { openGitHub, type GitHub } from '@papergate/delivery';

/** What a step of a workflow knows of its run. */
export interface Job {
  repository: string;
  sha: string;
  apiUrl: string;
  /** @throws UserError NOT_IN_A_WORKFLOW */
  token: Secret;
  github: GitHub;
  output(name: string, value: string): void;
  /** Markdown onto the page of the run. */
  summary(text: string): void;
}

/**
 * A client and files out of the environment that GitHub, or act, gives every step.
 * @throws UserError NOT_IN_A_WORKFLOW that names what is not set
 */
export function openJob(env: EnvSource, signal?: AbortSignal): Job {
  const need = (name: string): string => {
    const value = env[name];
    if (value !== undefined && value !== '') return value;
    throw new UserError({
      code: 'NOT_IN_A_WORKFLOW',
      message: `${name} is not set; this is a step of a workflow`,
      fix: 'run the workflow: npm run act -- <workflow>; or set what GitHub sets, and GITHUB_TOKEN',
    });
  };
  const repository = need('GITHUB_REPOSITORY');
  const token = new Secret(need('GITHUB_TOKEN'));
  const apiUrl = need('GITHUB_API_URL');
  const append = (name: string, text: string): void => {
    const path = env[name];
    if (path !== undefined && path !== '') appendFileSync(path, text);
  };
  return {
    repository,
    sha: need('GITHUB_SHA'),
    apiUrl,
    token,
    github: openGitHub({ apiUrl, token, repository, env, ...(signal === undefined ? {} : { signal }) }),
    output: (name, value) => {
      // As GitHub wants values of several lines: between two lines that the value cannot have.
      const end = `end_${randomUUID()}`;
      append('GITHUB_OUTPUT', `${name}<<${end}\n${value}\n${end}\n`);
    },
    summary: (text) => append('GITHUB_STEP_SUMMARY', `${text}\n`),
  };
}
