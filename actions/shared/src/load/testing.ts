import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FoundTool } from '../tools/index.ts';
import { SUITES, type Load } from './suites.ts';

/** Loads as the blueprint has them, and a length that keeps tests short. */
export const PLAN = {
  profiles: { quick: { warmup_s: 1, main_s: 2 }, full: { warmup_s: 1, main_s: 2 } },
  load: Object.fromEntries(SUITES.map(({ name, atLeast }) => [name, { ...atLeast }])) as Record<string, Load>,
};

/** A release with a plan and nothing else: what k6 runs is {@link fakeK6}'s business. */
export function fakeRelease(dir: string, plan: unknown = PLAN): string {
  mkdirSync(join(dir, 'loadtests', 'src'), { recursive: true });
  writeFileSync(join(dir, 'loadtests', 'plan.json'), typeof plan === 'string' ? plan : JSON.stringify(plan));
  return dir;
}

/** A summary in which every floor of every suite is held. */
export function passingSummary(): { metrics: Record<string, Record<string, number>> } {
  const metrics: Record<string, Record<string, number>> = { main_started_at: { value: 1_700_000_000_000 } };
  for (const suite of SUITES) {
    for (const floor of suite.floors) {
      const planned = floor.planned(PLAN.load[suite.name] ?? {}, PLAN.profiles.quick.main_s);
      metrics[floor.metric] = { count: planned, avg: 2, med: 1, 'p(90)': 3, 'p(95)': 4, 'p(99)': 5, max: 6 };
    }
  }
  return { metrics };
}

/**
 * A program that behaves like k6 as far as the load stage can see: it writes the summary and the CSV to where it is
 * told, says something, and ends. `script` is the body of a JavaScript function with `summary`, `csv`, `suite` and
 * `fs` in scope; what it returns is the exit code.
 */
export function fakeK6(dir: string, script: string): FoundTool {
  const path = join(dir, 'fake-k6.mjs');
  const source = `#!${process.execPath}
import * as fs from 'node:fs';
import { basename } from 'node:path';
const value = (name) => process.argv.find((arg) => arg.startsWith(name))?.slice(name.length);
const summary = value('--summary-export=');
const csv = value('--out=csv=');
const suite = basename(process.argv.at(-1), '.ts');
const code = await (async () => { ${script} })();
process.exit(code ?? 0);
`;
  writeFileSync(path, source);
  chmodSync(path, 0o755);
  return { path, version: '2.2.0', source: 'path' };
}
