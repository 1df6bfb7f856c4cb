// How long each action takes to its first word about wrong inputs, beside a Node that does nothing at all.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runDist } from '@papergate/delivery';
import { distOf } from '../actions/bundle/build.ts';
import { findActions } from '../actions/find.ts';
import type { Figure } from './figures.ts';

const ROUNDS = Number(process.env['PAPERGATE_BENCH_ROUNDS'] ?? 15);
const PROMISED_MS = 400;
const root = fileURLToPath(new URL('../../../..', import.meta.url));

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

function bareNode(): number {
  const started = performance.now();
  spawnSync(process.execPath, ['-e', '0']);
  return performance.now() - started;
}

async function start(action: string, workspace: string): Promise<number> {
  const bundle = join(distOf(root, action), 'index.cjs');
  const { ms, outputs } = await runDist({ bundle, workspace, inputs: { 'working-directory': '/nowhere' } });
  if (outputs.get('reason-code') !== 'INPUT_INVALID') throw new Error(`${action} did not get as far as its inputs`);
  return ms;
}

const workspace = mkdtempSync(join(tmpdir(), 'papergate-bench-'));
try {
  const actions = findActions(root);
  const times = new Map(actions.map((action) => [action, [] as number[]]));
  const bare: number[] = [];
  // In turn, so that a slow moment of the machine meets all of them.
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(bareNode());
    for (const action of actions) times.get(action)?.push(await start(action, workspace));
  }
  for (const [action, values] of times) {
    const figure: Figure = {
      name: `start of ${action}`,
      value: Math.round(median(values)),
      unit: 'ms',
      ceiling: PROMISED_MS,
      ceiling_name: 'as promised',
      note: `to its first word about wrong inputs; a bare "node -e 0" takes ${Math.round(median(bare))} ms; medians of ${ROUNDS}`,
    };
    console.log(JSON.stringify(figure));
  }
} finally {
  rmSync(workspace, { recursive: true, force: true });
}
