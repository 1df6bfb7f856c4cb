import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeError, EXIT, ExternalError } from '@papergate/config';
import { findRecordedDay } from './recorded-day.ts';
import { replayThroughBundle, type ReplayProof } from './replay.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** A benchmark of the whole bundle on the recorded day: runs it, prints the proof and the figures, fails when anything was lost. */
export async function benchReplay(options: {
  name: string;
  speed: number;
  from?: string;
  to?: string;
  figures: (proof: ReplayProof) => Record<string, unknown>[];
}): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'papergate-replay-'));
  try {
    const day = findRecordedDay(ROOT, process.env['PAPERGATE_TICKS']);
    if (day === undefined) {
      throw new ExternalError({
        code: 'NO_TICKS',
        message: 'there are no recorded ticks on this machine',
        fix: 'set PAPERGATE_TICKS to a folder of LEAN tick zips',
      });
    }
    const proof = await replayThroughBundle({
      root: ROOT,
      home,
      paths: [day.path],
      symbols: day.symbols,
      speed: options.speed,
      ...(options.from === undefined ? {} : { from: options.from }),
      ...(options.to === undefined ? {} : { to: options.to }),
      progress: (line) => process.stderr.write(`${options.name}: ${line}\n`),
    });
    for (const figure of options.figures(proof)) console.log(JSON.stringify(figure));
    if (proof.differences.length > 0)
      throw new ExternalError({ code: 'TICKS_LOST', message: proof.differences.join('; ') });
  } catch (error) {
    process.stderr.write(`${options.name}: ${describeError(error)}\n`);
    process.exitCode = EXIT.external;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
