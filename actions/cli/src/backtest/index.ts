import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExternalError, loadRiskLimits, loadSystemConfig, messageOf, type Environment } from '@papergate/config';
import { parseTimeOfDay } from '@papergate/paper-exchange/backtest';
import { mistakes } from './errors.ts';
import { reportPage } from './report/page.ts';
import { runBacktest } from './run.ts';
import { openData, symbolsOf } from './sim/data.ts';
import { chooseStrategies } from './strategies.ts';
import type { BacktestReport, Conditions } from './types.ts';

/** The command line, read. */
export interface BacktestRequest {
  data: readonly string[];
  named: readonly string[];
  environment: Environment;
  configDir: string;
  cwd: string;
  symbols?: readonly string[];
  seed: number;
  from?: string;
  to?: string;
  conditions: Conditions;
  parameters?: string;
  quantity: string;
  barMs: number;
  cooldownMs: number;
  out?: string;
  /** A folder for report.json and report.html. */
  report?: string;
  signal?: AbortSignal;
}

/** From the command line to the report. @throws UserError for whatever is wrong with it, the data or the strategies */
export async function backtest(request: BacktestRequest): Promise<BacktestReport> {
  const { configDir, environment, from, to } = request;
  const window = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
  if (from !== undefined && to !== undefined && parseTimeOfDay('--from', from) >= parseTimeOfDay('--to', to)) {
    throw mistakes.window(from, to);
  }
  const system = loadSystemConfig(configDir, environment);
  const limits = loadRiskLimits(configDir, environment);
  const all = await openData(request.data);
  const strategies = await chooseStrategies({ ...request, system, available: symbolsOf(all) });
  const traded = new Set(strategies.flatMap(({ config }) => config.symbols));
  const report = await runBacktest({
    files: all.filter(({ symbol }) => traded.has(symbol)),
    strategies,
    limits,
    environment,
    seed: request.seed,
    conditions: request.conditions,
    ...window,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  if (request.out !== undefined) write(request.out, reportText(report));
  if (request.report !== undefined) {
    const { report: folder } = request;
    write(join(folder, 'report.json'), reportText(report), folder);
    write(join(folder, 'report.html'), reportPage(report), folder);
  }
  return report;
}

export const reportText = (report: BacktestReport): string => `${JSON.stringify(report, null, 2)}\n`;

function write(path: string, text: string, folder?: string): void {
  try {
    if (folder !== undefined) mkdirSync(folder, { recursive: true });
    writeFileSync(path, text);
  } catch (cause) {
    throw new ExternalError({
      code: 'BACKTEST_OUT',
      message: `the report cannot be written to ${path}: ${messageOf(cause)}`,
      fix: 'name a file, or with --report a folder, that can be written to',
      cause,
    });
  }
}
