import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { ExternalError, messageOf, UserError } from '@papergate/config';
import { isEvidence, type Evidence } from '../evidence/index.ts';
import { makeFolder, writeAtomic } from '../home/index.ts';

/** `20261120T024501Z-3f9a`: sorts by time, and two runs of one second differ. */
export function newRunId(now: Date): string {
  return `${now.toISOString().replace(/[-:]|\.\d+/g, '')}-${randomBytes(2).toString('hex')}`;
}

/** The folder of one run: evidence, plan, rendered configuration, output of tools, report. */
export class RunStore {
  readonly dir: string;

  constructor(runs: string, runId: string) {
    this.dir = join(runs, runId);
    mkdirSync(join(this.dir, 'evidence'), { recursive: true, mode: 0o700 });
  }

  get configDir(): string {
    return join(this.dir, 'config');
  }

  get planPath(): string {
    return join(this.dir, 'plan.json');
  }

  writeEvidence(evidence: Evidence): void {
    writeAtomic(join(this.dir, 'evidence', `${evidence.stage}.json`), `${JSON.stringify(evidence, null, 2)}\n`);
  }

  write(name: string, value: unknown): void {
    writeAtomic(join(this.dir, name), `${JSON.stringify(value, null, 2)}\n`);
  }
}

/** All evidence of a run, read from disk: what is there counts, not what somebody remembers. */
export function readEvidence(runDir: string): Evidence[] {
  const dir = join(runDir, 'evidence');
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => parseEvidence(join(dir, name)));
}

function parseEvidence(path: string): Evidence {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ExternalError({
      code: 'EVIDENCE_UNREADABLE',
      message: `the evidence ${path} cannot be read: ${messageOf(error)}`,
      fix: 'ship the commit again',
      cause: error,
    });
  }
  if (isEvidence(value)) return value;
  throw new ExternalError({
    code: 'EVIDENCE_INVALID',
    message: `${path} is not evidence of a stage`,
    fix: 'ship the commit again',
  });
}

/** Folder of a run by its id, or of the last one. @throws UserError NO_SUCH_RUN */
export function findRun(runs: string, id: string | undefined): string {
  const all = existsSync(runs)
    ? readdirSync(runs)
        .filter((name) => /^\d{8}T\d{6}Z-/.test(name))
        .sort()
    : [];
  const found = id === undefined ? all.at(-1) : all.find((name) => name === id);
  if (found !== undefined) return join(runs, found);
  throw new UserError({
    code: 'NO_SUCH_RUN',
    message: id === undefined ? `there is no run in ${runs} yet` : `there is no run "${id}" in ${runs}`,
    fix:
      all.length === 0
        ? 'ship a commit first: npx papergate ship'
        : `give one of the last runs: ${all.slice(-5).toReversed().join(', ')}`,
  });
}

/** Removes all runs but the last `keep`. */
export function pruneRuns(runs: string, keep: number): void {
  const all = readdirSync(runs)
    .filter((name) => statSync(join(runs, name)).isDirectory())
    .sort();
  for (const name of all.slice(0, -keep)) rmSync(join(runs, name), { recursive: true, force: true });
}

/** Makes the folder for a copy of the report; called before a run, so that a run is not the price of finding out. */
export function checkReportFolder(to: string): void {
  try {
    makeFolder(to);
    accessSync(to, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unwritableReport(to, error);
  }
}

const unwritableReport = (to: string, error: unknown): UserError =>
  new UserError({
    code: 'REPORT_FOLDER',
    message: `the report cannot be written to ${to}: ${messageOf(error)}`,
    fix: 'give --report a folder that this user may write',
    cause: error,
  });

/** Copies the report, with the evidence and the tools' own output beside it, to where the caller wants it. */
export function copyReport(runDir: string, to: string, files: string[]): void {
  try {
    makeFolder(to);
    for (const file of files) copyFileSync(file, join(to, basename(file)));
    for (const folder of ['evidence', 'load', 'smoke']) {
      if (existsSync(join(runDir, folder))) cpSync(join(runDir, folder), join(to, folder), { recursive: true });
    }
  } catch (error) {
    throw unwritableReport(to, error);
  }
}
