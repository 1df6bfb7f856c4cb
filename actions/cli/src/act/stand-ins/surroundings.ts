/** What every stand-in knows of its run. The runner hands it over in variables of these names; see `../environment.ts`. */
import { appendFileSync } from 'node:fs';

export interface Surroundings {
  /** The repository of the run; stands where GitHub stands otherwise. */
  origin: string;
  /** Where checkouts lie: they outlive their job. */
  checkouts: string;
  /** The checkout whose packages are linked. */
  packages: string;
  /** Artifacts of earlier runs: `<run id>/<name>/<name>.zip`. */
  artifacts: string;
  repository: string;
  workspace: string;
  sha: string;
}

/** @throws Error that names the variable that is missing: a stand-in was started by something else */
export function surroundings(env: Readonly<Record<string, string | undefined>>): Surroundings {
  const need = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === '') throw new Error(`${name} is not set: run this with npm run act`);
    return value;
  };
  return {
    origin: need('PAPERGATE_ACT_ORIGIN'),
    checkouts: need('PAPERGATE_ACT_CHECKOUTS'),
    packages: need('PAPERGATE_ACT_PACKAGES'),
    artifacts: need('PAPERGATE_ACT_ARTIFACTS'),
    repository: need('GITHUB_REPOSITORY'),
    workspace: need('GITHUB_WORKSPACE'),
    sha: need('GITHUB_SHA'),
  };
}

/** An input as the runner hands it over; empty where it was not given. */
export function input(name: string, env: Readonly<Record<string, string | undefined>> = process.env): string {
  return (env[`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`] ?? '').trim();
}

export const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Sets an output of the step. Values of one line only. */
export function output(name: string, value: string): void {
  appendTo('GITHUB_OUTPUT', `${name}=${value}`);
}

export function appendTo(file: 'GITHUB_OUTPUT' | 'GITHUB_PATH', line: string): void {
  const path = process.env[file];
  if (path !== undefined && path !== '') appendFileSync(path, `${line}\n`);
}
