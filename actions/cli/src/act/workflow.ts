import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { eventUnknown, workflowUnknown } from './errors.ts';

export const WORKFLOWS = '.github/workflows';

/** The parts of a workflow file, or of an action's, that say what else it uses. */
interface Uses {
  uses?: string;
}
interface Job extends Uses {
  environment?: string | { name?: string };
  steps?: Uses[];
}
interface WorkflowFile {
  on?: string | string[] | Record<string, unknown>;
  jobs?: Record<string, Job>;
}
interface ActionFile {
  runs?: { steps?: Uses[] };
}

export interface Workflow {
  /** `.github/workflows/<file>` */
  path: string;
  events: string[];
}

/** @throws UserError WORKFLOW_UNKNOWN */
export function findWorkflow(repository: string, name: string): Workflow {
  const folder = join(repository, WORKFLOWS);
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => /\.ya?ml$/.test(file)) : [];
  const wanted = basename(name);
  const file = files.find((known) => known === wanted || known.replace(/\.ya?ml$/, '') === wanted);
  if (file === undefined) throw workflowUnknown(name, files.map((known) => known.replace(/\.ya?ml$/, '')).sort());
  const path = join(WORKFLOWS, file);
  const { on } = read(repository, path) as WorkflowFile;
  const events = typeof on === 'string' ? [on] : Array.isArray(on) ? on : Object.keys(on ?? {});
  return { path, events };
}

/** @throws UserError EVENT_UNKNOWN */
export function eventOf({ path, events }: Workflow, wanted: string | undefined): string {
  if (wanted !== undefined) {
    if (events.includes(wanted)) return wanted;
    throw eventUnknown(basename(path), wanted, events);
  }
  const callable = events.filter((event) => event !== 'workflow_call');
  return callable.find((event) => event === 'workflow_dispatch') ?? callable[0] ?? 'workflow_dispatch';
}

/** Every action of somebody else that the workflow comes to use, through called workflows and composite actions too: `owner/name@ref`. */
export function foreignActions(repository: string, path: string): string[] {
  const found = new Set<string>();
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file) || !existsSync(join(repository, file))) return;
    seen.add(file);
    const { jobs = {}, runs } = read(repository, file) as WorkflowFile & ActionFile;
    const uses = [...Object.values(jobs).flatMap((job) => [job, ...(job.steps ?? [])]), ...(runs?.steps ?? [])];
    for (const { uses: name } of uses) {
      if (name === undefined) continue;
      if (!name.startsWith('./')) found.add(name);
      else if (/\.ya?ml$/.test(name)) visit(name.slice(2));
      else for (const end of ['action.yml', 'action.yaml']) visit(join(name.slice(2), end));
    }
  };
  visit(path);
  return [...found].sort();
}

/** Jobs that name an environment, those of called workflows too, by their ids. Names may be made of inputs. */
export function environmentsOf(
  repository: string,
  path: string,
  inputs: Readonly<Record<string, string>>,
): Map<string, string> {
  const found = new Map<string, string>();
  const { jobs = {} } = read(repository, path) as WorkflowFile;
  for (const [id, { uses, environment }] of Object.entries(jobs)) {
    const called = uses !== undefined && uses.startsWith('./') && /\.ya?ml$/.test(uses);
    if (called) for (const [job, name] of environmentsOf(repository, uses.slice(2), {})) found.set(job, name);
    const name = typeof environment === 'string' ? environment : environment?.name;
    if (name === undefined) continue;
    found.set(
      id,
      name.replaceAll(/\$\{\{ inputs\.([\w-]+) \}\}/g, (_text, input: string) => inputs[input] ?? ''),
    );
  }
  return found;
}

const read = (repository: string, path: string): unknown => parse(readFileSync(join(repository, path), 'utf8'));
