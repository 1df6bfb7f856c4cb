import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExternalError, type EnvSource } from '@papergate/config';

/** What GitHub tells an action about the run that it is in. */
export interface ActionContext {
  /** `owner/name`. */
  repository: string;
  owner: string;
  /** The name without its owner. */
  name: string;
  /** The commit that the run is about, 40 hexadecimal digits. */
  sha: string;
  /** `refs/heads/main`. */
  ref: string;
  runId: string;
  runAttempt: number;
  workflow: string;
  job: string;
  /** `push`, `workflow_dispatch`, … */
  eventName: string;
  /** What the event says, from GITHUB_EVENT_PATH; empty where there is none. */
  event: Readonly<Record<string, unknown>>;
  actor: string;
  serverUrl: string;
  apiUrl: string;
  /** The run's page. */
  runUrl: string;
  /** Absolute; where the checkout is. */
  workspace: string;
  /** Absolute; emptied at the beginning and the end of each job. */
  tempDir: string;
  /** True in a run of nektos/act: nothing there is GitHub's word. */
  act: boolean;
  debug: boolean;
}

/**
 * Reads it from the environment.
 * @throws ExternalError ACTION_CONTEXT_MISSING where it is no job of GitHub's, with the variables that are missing;
 *   ACTION_EVENT_UNREADABLE
 */
export function readContext(env: EnvSource): ActionContext {
  const missing: string[] = [];
  const need = (name: string): string => {
    const value = env[name] ?? '';
    if (value === '') missing.push(name);
    return value;
  };
  const repository = need('GITHUB_REPOSITORY');
  const serverUrl = env['GITHUB_SERVER_URL'] ?? 'https://github.com';
  const runId = need('GITHUB_RUN_ID');
  const context: ActionContext = {
    repository,
    owner: repository.split('/')[0] ?? '',
    name: repository.split('/')[1] ?? '',
    sha: need('GITHUB_SHA'),
    ref: env['GITHUB_REF'] ?? '',
    runId,
    runAttempt: Number(env['GITHUB_RUN_ATTEMPT'] ?? '1') || 1,
    workflow: env['GITHUB_WORKFLOW'] ?? '',
    job: env['GITHUB_JOB'] ?? '',
    eventName: env['GITHUB_EVENT_NAME'] ?? '',
    event: readEvent(env['GITHUB_EVENT_PATH']),
    actor: env['GITHUB_ACTOR'] ?? '',
    serverUrl,
    apiUrl: env['GITHUB_API_URL'] ?? 'https://api.github.com',
    runUrl: `${serverUrl}/${repository}/actions/runs/${runId}`,
    workspace: need('GITHUB_WORKSPACE'),
    tempDir: env['RUNNER_TEMP'] ?? tmpdir(),
    act: env['ACT'] === 'true',
    debug: env['RUNNER_DEBUG'] === '1',
  };
  if (missing.length === 0) return context;
  throw new ExternalError({
    code: 'ACTION_CONTEXT_MISSING',
    message: `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not set: this is no job of a workflow`,
    fix: 'run the action from a workflow, on GitHub or with act; on a machine use the papergate command',
  });
}

function readEvent(path: string | undefined): ActionContext['event'] {
  if (path === undefined || path === '') return {};
  try {
    const event: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof event === 'object' && event !== null) return event as Record<string, unknown>;
    throw new Error('it is no object');
  } catch (cause) {
    throw new ExternalError({
      code: 'ACTION_EVENT_UNREADABLE',
      message: `the event in ${path} (GITHUB_EVENT_PATH) cannot be read`,
      fix: 'run the job again; under act, hand over an event file that is there and holds a JSON object',
      cause,
    });
  }
}

/** Where state lies: the input `home`, else PAPERGATE_HOME, else a folder of the job. */
export function homeFolder(given: string | undefined, env: EnvSource, { tempDir }: ActionContext): string {
  const named = env['PAPERGATE_HOME'] ?? '';
  return given ?? (named === '' ? join(tempDir, 'papergate') : named);
}
