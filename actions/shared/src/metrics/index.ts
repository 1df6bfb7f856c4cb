import { ExternalError, UserError } from '@papergate/config';
import { openBlocks, readHead, writeExport, type ExportHead } from './archive.ts';
import { PrometheusApi, type MetricsRange } from './prometheus.ts';
import type { MetricsStore } from './store.ts';

export { composeMetricsStore, type MetricsStore } from './store.ts';
export { RANGE_QUERIES, type MetricsRange } from './prometheus.ts';
export type { ExportHead } from './archive.ts';

/** A scrape is under way for as long as its timeout: what is younger may still change. */
const SETTLED_S = 5;

export interface ExportResult {
  file: string;
  range: MetricsRange;
  /** Of the blocks, before compression. */
  bytes: number;
}

/**
 * Writes all metrics of a Prometheus into one file, by a snapshot of its own (what is in memory included), with what a
 * range query says of them, so that an import can be held against it. Prometheus goes on meanwhile.
 * @throws ExternalError PROMETHEUS_FAILED, METRICS_EMPTY, METRICS_EXPORT_FAILED
 */
export async function exportMetrics(options: { store: MetricsStore; file: string }): Promise<ExportResult> {
  const { store, file } = options;
  const api = new PrometheusApi(store.url);
  const from = await api.oldest();
  const to = Math.floor(await api.now()) - SETTLED_S;
  if (from === undefined || from >= to) {
    throw new ExternalError({
      code: 'METRICS_EMPTY',
      message: 'Prometheus has no metrics that are older than a few seconds',
      fix: 'export once it has scraped something',
    });
  }
  const range = await api.describe(from, to);
  const name = await api.snapshot();
  try {
    const head: ExportHead = {
      schema: 1,
      created_at: new Date((to + SETTLED_S) * 1000).toISOString(),
      project: store.project,
      range,
    };
    const bytes = await writeExport(file, head, store.openSnapshot(name));
    if (bytes === 0) throw new ExternalError({ code: 'METRICS_EXPORT_FAILED', message: 'the snapshot holds no block' });
    return { file, range, bytes };
  } finally {
    await store.removeSnapshot(name);
  }
}

export interface ImportResult {
  head: ExportHead;
  /** What the range holds now: the same as before, to the hash. */
  range: MetricsRange;
}

/**
 * Puts an export's blocks into a Prometheus that has nothing of that time yet (a rebuilt place's), and compares the same
 * range queries with what they said when it was written. Prometheus is away for the moment that the copy takes.
 * @throws UserError METRICS_FILE_INVALID, METRICS_OVERLAP; ExternalError PROMETHEUS_FAILED, METRICS_IMPORT_DIFFERS
 */
export async function importMetrics(options: { store: MetricsStore; file: string }): Promise<ImportResult> {
  const { store, file } = options;
  const head = await readHead(file);
  const api = new PrometheusApi(store.url);
  await api.waitUntilReady();
  const { from, to } = head.range;
  const oldest = await api.oldest();
  if (oldest !== undefined && oldest < to) {
    throw new UserError({
      code: 'METRICS_OVERLAP',
      message: `Prometheus already has metrics from ${new Date(oldest * 1000).toISOString()} on, before the export ends (${new Date(to * 1000).toISOString()})`,
      fix: 'import into a fresh volume: papergate stop --volumes takes the present metrics away with the rest; export them first',
    });
  }
  await store.addBlocks(openBlocks(file, store.owner));
  await api.waitUntilReady();
  const range = await api.describe(from, to);
  if (range.sha256 !== head.range.sha256) {
    throw new ExternalError({
      code: 'METRICS_IMPORT_DIFFERS',
      message: `the imported metrics are not what was exported: ${range.series} names of metrics where ${head.range.series} were, or other values`,
      fix: 'the file may be damaged: export again, and import into a fresh volume',
    });
  }
  return { head, range };
}
