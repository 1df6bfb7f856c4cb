import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import { join } from 'node:path';
import { EXIT, UserError, type ExitCode } from '@papergate/config';
import { findBenchmarks, type Benchmark } from './find.ts';
import { figureTable, readFigures, type Figure } from './figures.ts';

export interface BenchOptions {
  root: string;
  /** Where the JSON goes. */
  out: string;
  /** Names to run, or their beginnings; none: all. */
  only: string[];
  json: boolean;
  signal?: AbortSignal;
  print: (line: string) => void;
  /** Progress; stderr, so that `--json` stays clean. */
  progress: (line: string) => void;
}

/** Runs the benchmarks one after the other (never side by side: they would measure each other) and prints the table. */
export async function runBenchmarks(options: BenchOptions): Promise<ExitCode> {
  const benchmarks = choose(findBenchmarks(options.root), options.only);
  const figures: Figure[] = [];
  const failed: string[] = [];
  for (const benchmark of benchmarks) {
    options.progress(`bench: ${benchmark.name}`);
    const { code, output } = await runOne(benchmark, options);
    const found = readFigures(output);
    if (code !== 0 || found.length === 0)
      failed.push(`${benchmark.name} (${code === 0 ? 'printed no figure' : `exit ${code}`})`);
    figures.push(...found);
    if (options.signal?.aborted === true) break;
  }
  const machine = {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    memory_gib: Math.round(totalmem() / 2 ** 30),
    platform: `${platform()}-${arch()}`,
    node: process.version,
  };
  const report = { measured_at: new Date().toISOString(), machine, figures, failed };
  mkdirSync(options.out, { recursive: true });
  const file = join(options.out, 'bench.json');
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  if (options.json) options.print(JSON.stringify(report));
  else {
    options.print(
      `\nOn ${machine.cores} cores (${machine.cpu}), ${machine.memory_gib} GiB, Node ${machine.node}, ceilings measured in the same run:\n`,
    );
    options.print(figureTable(figures));
    for (const name of failed) options.print(`\nfailed: ${name}`);
    const left = options.only.length > 0 ? [] : findBenchmarks(options.root).filter(({ long }) => long);
    for (const { name } of left) options.print(`\nleft out, since it takes minutes: npm run bench -- ${name}`);
    options.print(`\n${file}`);
  }
  return failed.length === 0 ? EXIT.ok : EXIT.external;
}

function choose(all: Benchmark[], only: string[]): Benchmark[] {
  if (only.length === 0) return all.filter(({ long }) => !long);
  const unknown = only.filter((name) => !all.some((benchmark) => isMeant(benchmark, name)));
  if (unknown.length > 0) {
    throw new UserError({
      code: 'BENCH_UNKNOWN',
      message: `there is no benchmark ${unknown.join(', ')}; there are: ${all.map(({ name }) => name).join(', ')}`,
      fix: 'name one of these, or none for all',
    });
  }
  return all.filter((benchmark) => only.some((wanted) => isMeant(benchmark, wanted)));
}

/** By the beginning of the whole name, or of what is behind the service. */
const isMeant = ({ name }: Benchmark, wanted: string): boolean =>
  name.startsWith(wanted) || name.slice(name.indexOf('/') + 1).startsWith(wanted);

function runOne(benchmark: Benchmark, options: BenchOptions): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [benchmark.file], {
      cwd: options.root,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.signal === undefined ? {} : { signal: options.signal, killSignal: 'SIGTERM' as const }),
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => options.progress(text.trimEnd()));
    child.once('error', () => resolve({ code: 1, output }));
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
