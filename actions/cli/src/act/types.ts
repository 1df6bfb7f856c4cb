import type { EnvSource } from '@papergate/config';
import type { GitHubFake } from '@papergate/delivery/github-fake';

/** One run of one workflow file on this machine. */
export interface ActRequest {
  /** Root of the checkout whose commit is run. */
  repository: string;
  /** A checkout whose packages are linked where a job has the same; the repository itself where it is left out. */
  packages?: string;
  /**
   * Folders that stand for repositories of actions, `owner/name@ref`: what GitHub would download for
   * `uses: owner/name/path@ref`.
   */
  actions?: Readonly<Record<string, string>>;
  /** A file in `.github/workflows`, with or without folder and ending. */
  workflow: string;
  /** What triggers it; where it is left out: `workflow_dispatch` if the workflow has it, else the first that it names. */
  event?: string;
  /** Payload, laid over the one that is made up. */
  payload?: Record<string, unknown>;
  /** Inputs of a `workflow_dispatch`. */
  inputs?: Record<string, string>;
  variables?: Record<string, string>;
  secrets?: Record<string, string>;
  /** The commit, tag or branch that is run; HEAD of the repository where it is left out. */
  ref?: string;
  /** One job of it, by its id, with those that it needs. */
  job?: string;
}

/** What a run has around it. */
export interface ActSurroundings {
  /** The environment of the caller; only named variables of it go on. */
  env: EnvSource;
  /** State of all runs of one series: staging, evidence, artifacts. `<home>/act` is theirs. */
  home: string;
  /** Stands where GitHub's API is. */
  github: GitHubFake;
  /** Path of act. */
  act: string;
  signal?: AbortSignal | undefined;
  onLine?: (line: ActLine) => void;
}

/** A line of a run, by whom it was said. */
export interface ActLine {
  job: string;
  step: string | undefined;
  text: string;
  /** Whether a step printed it, and not act. */
  raw: boolean;
}

export type Result = 'success' | 'failure' | 'skipped' | 'cancelled';

export interface StepOutcome {
  name: string;
  result: Result;
}

export interface JobOutcome {
  id: string;
  result: Result;
  steps: StepOutcome[];
}

export interface ActOutcome {
  /** Whether act ended well: every job that ran succeeded. */
  passed: boolean;
  runId: string;
  /** The commit that was run. */
  commit: string;
  jobs: JobOutcome[];
  lines: ActLine[];
}
