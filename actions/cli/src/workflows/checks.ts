import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** What a workflow file, or a composite action, is made of, as far as it is checked here. */
interface Step {
  uses?: string;
  run?: unknown;
  with?: Record<string, unknown>;
}
interface JobFile {
  if?: string;
  uses?: string;
  environment?: string | { name?: string };
  permissions?: Record<string, string> | string;
  'timeout-minutes'?: number;
  steps?: Step[];
}
interface File {
  on?: string | string[] | Record<string, unknown>;
  permissions?: Record<string, string> | string;
  concurrency?: unknown;
  jobs?: Record<string, JobFile>;
  runs?: { steps?: Step[] };
}

/** Events that run with secrets and write access over code or words of strangers. */
const DANGEROUS = ['pull_request_target', 'workflow_run', 'issue_comment'];
const PIN = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/;
/** A pull request may be a stranger's, and changes the very files that its jobs run. */
const NOT_OF_PULLS = /^github\.event_name == '(?!pull_request)\w+'$/;
const LIVE = /secrets\.[A-Z_]*LIVE/;

/**
 * Rules that neither actionlint nor zizmor holds files to, or not as strictly. The file's text is looked at too, since
 * comments do not survive parsing.
 * @returns one sentence for each that is broken
 */
export function problemsOf(text: string, repository: string): string[] {
  const file = parse(text) as File;
  const jobs = Object.entries(file.jobs ?? {});
  return [
    ...(file.jobs === undefined ? [] : problemsOfWorkflow(file)),
    ...jobs.flatMap(([id, job]) => problemsOfJob(id, job)),
    ...[
      ...jobs.map(([, job]) => job),
      ...jobs.flatMap(([, { steps = [] }]) => steps),
      ...(file.runs?.steps ?? []),
    ].flatMap((step) => problemsOfStep(step, repository)),
    ...problemsOfText(text),
  ];
}

const eventsOf = ({ on }: File): string[] =>
  typeof on === 'string' ? [on] : Array.isArray(on) ? on : Object.keys(on ?? {});

function problemsOfWorkflow(file: File): string[] {
  const { permissions, concurrency, jobs = {} } = file;
  const events = eventsOf(file);
  const ofPulls = events.includes('pull_request') ? Object.entries(jobs) : [];
  return [
    ...ofPulls
      .filter(([, job]) => /\bsecrets\b/.test(JSON.stringify(job)) && !NOT_OF_PULLS.test(job.if ?? ''))
      .map(([id]) => `the job ${id} hands secrets to pull requests`),
    ...events.filter((event) => DANGEROUS.includes(event)).map((event) => `it is triggered by ${event}`),
    ...(isNothing(permissions)
      ? []
      : ['it gives permissions to all of its jobs: write "permissions: {}" and give them to each']),
    ...(concurrency === undefined ? ['it says nothing about concurrency'] : []),
  ];
}

const isNothing = (permissions: File['permissions']): boolean =>
  typeof permissions === 'object' && Object.keys(permissions).length === 0;

function problemsOfJob(id: string, job: JobFile): string[] {
  const { permissions, uses, steps = [] } = job;
  const environment = typeof job.environment === 'string' ? job.environment : job.environment?.name;
  const text = JSON.stringify(steps);
  return [
    ...(typeof permissions === 'object' ? [] : [`the job ${id} does not list its permissions`]),
    ...(uses === undefined && job['timeout-minutes'] === undefined ? [`the job ${id} has no timeout-minutes`] : []),
    ...(LIVE.test(text) && environment !== 'production'
      ? [`the job ${id} names a live key outside of production`]
      : []),
  ];
}

function problemsOfStep({ uses, run, with: inputs = {} }: Step & Partial<JobFile>, repository: string): string[] {
  const problems: string[] = [];
  if (typeof run === 'string' && run.includes('${{'))
    problems.push(`a script is written by an expression: ${firstLine(run)}`);
  if (uses === undefined) return problems;
  if (uses.startsWith('./')) {
    const there = ['', '/action.yml', '/action.yaml'].some((end) => isFile(join(repository, `${uses}${end}`)));
    return there ? problems : [...problems, `${uses} does not exist`];
  }
  if (uses.startsWith('$/')) return [...problems, `act cannot read ${uses}: write ./${uses.slice(2)}`];
  if (!PIN.test(uses)) problems.push(`${uses} is not pinned to a commit`);
  if (uses.startsWith('actions/checkout@') && inputs['persist-credentials'] !== false) {
    problems.push('a checkout leaves its token behind: persist-credentials: false');
  }
  return problems;
}

const isFile = (path: string): boolean => /\.ya?ml$/.test(path) && existsSync(path);
const firstLine = (text: string): string => text.trim().split('\n')[0] ?? '';

/** A pin says nothing to a reader, and Dependabot keeps the comment beside it; who may write has to say what for. */
function problemsOfText(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const code = line.trim();
    if (/uses: [^.\s][^@\s]*@[0-9a-f]{40}/.test(code) && !/# v\d+\.\d+\.\d+$/.test(code)) {
      return [`a pin without its version: ${code}`];
    }
    if (/^[a-z-]+: write\b/.test(code) && !code.includes('# ')) return [`a permission without its reason: ${code}`];
    return [];
  });
}

/** Actions of others and their commits, over several files: each may be there in one version only. */
export function versionsOf(texts: readonly string[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const text of texts) {
    for (const [, name = '', commit = ''] of text.matchAll(/uses: ([^.\s][^@\s]*)@([0-9a-f]{40})/g)) {
      found.set(name, (found.get(name) ?? new Set()).add(commit));
    }
  }
  return found;
}
