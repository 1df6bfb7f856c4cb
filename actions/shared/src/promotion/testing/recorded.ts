import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Evidence } from '../../evidence/index.ts';
import type { SuiteData } from '../../load/data.ts';
import { loadData } from './load.ts';

export type Build = 'same' | 'slower';

interface Recording {
  about: string;
  figures: string[];
  /** Build, start, then for each figure the median of every second, ms. */
  runs: [Build, string, ...number[][]][];
}

/** Real latencies, recorded once: how, stands in the file's `about`. */
export function recorded(name: 'quiet' | 'disturbed'): Record<Build, number[][][]> {
  const file = join(import.meta.dirname, '..', 'rules', 'load', 'fixtures', `${name}.json`);
  const { runs } = JSON.parse(readFileSync(file, 'utf8')) as Recording;
  const of = (build: Build): number[][][] => runs.filter(([own]) => own === build).map(([, , ...figures]) => figures);
  return { same: of('same'), slower: of('slower') };
}

const SECONDS = 65;
/** Seconds that stay together when they are drawn again: what disturbs one second disturbs its neighbours. */
const BLOCK = 4;

/** A sample of the same run, drawn again in blocks (Künsch, Ann. Statist. 17, 1989). */
function drawn(seconds: readonly number[], random: () => number): number[] {
  const again: number[] = [];
  while (again.length < SECONDS) {
    const start = Math.floor(random() * (seconds.length - BLOCK + 1));
    again.push(...seconds.slice(start, start + BLOCK));
  }
  return again.slice(0, SECONDS);
}

/**
 * `data` of a load's evidence out of recorded latencies: its suites ran one after the other, so each is of a recording of
 * its own, in the order in which they were made.
 */
export function loadOf(runs: readonly number[][][], random: () => number): NonNullable<Evidence['data']> {
  const data = loadData();
  const suites = data['suites'] as SuiteData[];
  const first = Math.floor(random() * (runs.length - suites.length + 1));
  for (const [number, suite] of suites.entries()) {
    const figures = runs[first + number]!;
    for (const [index, series] of suite.series.latencies.entries()) {
      const own = drawn(figures[(index + number) % figures.length]!, random);
      series.points = own.map((p50, t) => ({ t, p50, p95: p50, max: p50 }));
    }
  }
  return data;
}
