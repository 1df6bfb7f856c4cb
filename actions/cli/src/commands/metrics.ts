import { resolve } from 'node:path';
import type { Command } from 'commander';
import { EXIT } from '@papergate/config';
import { exportMetrics, importMetrics, metricsStoreOf } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { addPlaceFlags, type PlaceFlags } from './place-flags.ts';
import { withPlace } from './with-place.ts';

type Flags = PlaceFlags & { json: boolean };

/** `metrics`: a place's metrics in one file, so that they outlive the place. */
export function addMetrics(program: Command, context: CommandContext): void {
  const metrics = program.command('metrics').description('take the metrics of a place along when it is built anew');
  const sub = (name: string, description: string, argument: string): Command =>
    addPlaceFlags(metrics.command(name).description(description).argument('<file>', argument)).option(
      '--json',
      'one JSON object',
      false,
    );
  sub('export', 'all metrics into one file; Prometheus goes on meanwhile', 'where it is written').action(
    (file: string, flags: Flags) => take(resolve(file), flags, context),
  );
  sub('import', 'an export into a place that has none of that time, compared afterwards', 'what export wrote').action(
    (file: string, flags: Flags) => put(resolve(file), flags, context),
  );
}

const day = (seconds: number): string => new Date(seconds * 1000).toISOString();

async function take(file: string, flags: Flags, context: CommandContext): Promise<void> {
  await withPlace(flags, context, async (open) => {
    const result = await exportMetrics({ store: await metricsStoreOf(open), file });
    const { range, bytes } = result;
    const text = `${file}: ${range.series} series from ${day(range.from)} to ${day(range.to)}, ${Math.round(bytes / 1000)} kB`;
    context.output.out(flags.json ? JSON.stringify(result) : text);
    context.setExitCode(EXIT.ok);
  });
}

async function put(file: string, flags: Flags, context: CommandContext): Promise<void> {
  await withPlace(flags, context, async (open) => {
    const result = await importMetrics({ store: await metricsStoreOf(open), file });
    const { range } = result;
    const text = `${range.series} series from ${day(range.from)} to ${day(range.to)} are there, and the same as when they were exported`;
    context.output.out(flags.json ? JSON.stringify(result) : text);
    context.setExitCode(EXIT.ok);
  });
}
