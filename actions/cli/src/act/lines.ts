import type { ActLine, JobOutcome, Result } from './types.ts';

interface Entry {
  jobID?: string;
  job?: string;
  msg?: string;
  step?: string;
  stage?: string;
  stepResult?: string;
  jobResult?: string;
  raw_output?: boolean;
  level?: string;
}

/** What act says of itself, and masks, of which nothing is left but stars. */
const NOISE = /^LocalRepositoryCache |^\s*⚙\s+\*\*\*$|^::add-mask::/;

const RESULTS: readonly string[] = ['success', 'failure', 'skipped', 'cancelled'] satisfies Result[];
const asResult = (text: string | undefined): Result | undefined =>
  text !== undefined && RESULTS.includes(text) ? (text as Result) : undefined;

export interface JobEvents {
  began(job: string): void;
  ended(job: JobOutcome): void;
}

/** Reads what act prints with `--json`: one object a line; whatever else it prints is a line of nobody's. */
export class ActLog {
  readonly lines: ActLine[] = [];
  readonly #jobs = new Map<string, JobOutcome>();
  readonly #events: JobEvents | undefined;

  constructor(events?: JobEvents) {
    this.#events = events;
  }

  /** @returns the line, where it says something */
  take(text: string): ActLine | undefined {
    const entry = parse(text);
    const { jobID, msg = '', step, raw_output: raw = false } = entry;
    // A called workflow's job has its caller's name before its own.
    const job = entry.job?.split('/').slice(1).join('/') || jobID || '';
    const id = jobID ?? job;
    if (id !== '') this.#note(this.#job(id), entry);
    const words = msg.replace(/\s+$/, '');
    if (words === '' || NOISE.test(words)) return undefined;
    const line: ActLine = { job: id, step, text: words, raw };
    this.lines.push(line);
    return line;
  }

  #job(id: string): JobOutcome {
    const known = this.#jobs.get(id);
    if (known !== undefined) return known;
    const job: JobOutcome = { id, result: 'skipped', steps: [] };
    this.#jobs.set(id, job);
    this.#events?.began(id);
    return job;
  }

  #note(job: JobOutcome, { step, stage, stepResult, jobResult }: Entry): void {
    const ofStep = asResult(stepResult);
    if (step !== undefined && ofStep !== undefined) {
      job.steps.push({ name: stage === undefined || stage === 'Main' ? step : `${stage} ${step}`, result: ofStep });
    }
    const ofJob = asResult(jobResult);
    if (ofJob === undefined) return;
    job.result = ofJob;
    this.#events?.ended(job);
  }

  get jobs(): JobOutcome[] {
    return [...this.#jobs.values()];
  }
}

function parse(text: string): Entry {
  try {
    const found: unknown = JSON.parse(text);
    if (typeof found === 'object' && found !== null) return found;
  } catch {
    // Not act's own: a warning of a library, or a panic.
  }
  return { msg: text };
}
