import { readFile } from 'node:fs/promises';
import { messageOf } from '@papergate/config';

/** What k6's `--summary-export` says of each metric: statistics by name; trends in ms. */
export type Summary = ReadonlyMap<string, Readonly<Record<string, number>>>;

export type SummaryOrReason = Summary | { reason: string };

/**
 * Reads k6's summary. Only finite numbers are taken over, so that NaN, null and text are the same as "not there".
 * @returns why there is none, where there is none
 */
export async function readSummary(file: string): Promise<SummaryOrReason> {
  try {
    const value = JSON.parse(await readFile(file, 'utf8')) as { metrics?: unknown } | null;
    if (typeof value?.metrics !== 'object' || value.metrics === null) return { reason: 'k6’s summary has no metrics' };
    const summary = new Map<string, Record<string, number>>();
    for (const [metric, stats] of Object.entries(value.metrics as Record<string, unknown>)) {
      if (typeof stats !== 'object' || stats === null) continue;
      const finite = Object.entries(stats).filter((entry): entry is [string, number] => Number.isFinite(entry[1]));
      summary.set(metric, Object.fromEntries(finite));
    }
    return summary;
  } catch (error) {
    return { reason: `k6 left no summary: ${messageOf(error)}` };
  }
}
