import { mkdir, open, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunRecord } from '../evidence/run.ts';
import { suitesOf } from '../load/data.ts';
import { page } from './html/page.ts';
import { summary } from './summary.ts';

export interface WrittenReport {
  json: string;
  html: string;
  summary: string;
}

/** Longest piece of k6's output that goes into the page, bytes; the file has the rest. */
const OUTPUT_LIMIT = 200_000;

/**
 * Writes `report.json`, `report.html` and `summary.md` of a run into its folder, each in one step. k6's own output
 * is read from the files that the load stage left there.
 * @returns the paths
 */
export async function writeReport({ dir, run }: { dir: string; run: RunRecord }): Promise<WrittenReport> {
  await mkdir(dir, { recursive: true });
  const output = new Map<string, string>();
  for (const suite of suitesOf(run.evidence.find(({ stage }) => stage === 'load'))) {
    const text = await readStart(join(dir, suite.log));
    if (text !== undefined) output.set(suite.name, text);
  }
  const report = { json: join(dir, 'report.json'), html: join(dir, 'report.html'), summary: join(dir, 'summary.md') };
  await replace(report.json, `${JSON.stringify(run, undefined, 2)}\n`);
  await replace(report.html, page(run, output));
  await replace(report.summary, summary(run));
  return report;
}

async function readStart(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(OUTPUT_LIMIT), 0, OUTPUT_LIMIT, 0);
    const text = buffer.subarray(0, bytesRead).toString('utf8');
    return bytesRead === OUTPUT_LIMIT ? `${text}\n… the file has more` : text;
  } catch {
    return undefined;
  }
}

async function replace(path: string, text: string): Promise<void> {
  const unfinished = `${path}.${process.pid}.new`;
  await writeFile(unfinished, text, { mode: 0o600 });
  await rename(unfinished, path);
}
