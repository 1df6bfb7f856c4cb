import { UserError } from '@papergate/config';

/** Every reason for which a backtest does not run; files that cannot be read keep the reader's codes (`REPLAY_…`). */
export const mistakes = {
  /** Nothing was named to be replayed. */
  dataMissing: () =>
    new UserError({
      code: 'BACKTEST_DATA',
      message: 'the backtest was given no data, allowed: LEAN tick zips, or folders that hold them',
      fix: 'name them: papergate backtest --data DIR',
    }),
  /** A symbol that is to be traded is in none of the files. */
  symbols: (who: string, missing: readonly string[], there: readonly string[]) =>
    new UserError({
      code: 'BACKTEST_SYMBOL',
      message: `${who}: ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not in the data, which has ${there.join(', ')}`,
      fix: 'name symbols that are in it with --symbols, or give --data that has them',
    }),
  /** What was read before lies later: bars and matching would be wrong. */
  order: (file: string, row: number, found: string, before: string) =>
    new UserError({
      code: 'BACKTEST_ORDER',
      message: `${file}, row ${row}: its time is ${found}, after a row of ${before}; allowed: rows in the order of their times`,
      fix: 'sort the rows by their first column, or fetch the file anew',
    }),
  /** No row lies in the window. */
  empty: (from: string, to: string) =>
    new UserError({
      code: 'BACKTEST_EMPTY',
      message: `there is no tick from ${from} to ${to} New York time in the data`,
      fix: 'give another --from and --to, or other --data',
    }),
  window: (from: string, to: string) =>
    new UserError({
      code: 'USAGE',
      message: `--to is "${to}", allowed: a time of day after --from (${from})`,
      fix: 'see papergate backtest --help',
    }),
  /** No strategy of that name, kind or file. */
  strategy: (found: string, configured: readonly string[], kinds: readonly string[]) =>
    new UserError({
      code: 'BACKTEST_STRATEGY',
      message: `--strategy is "${found}", allowed: a strategy of the configuration (${configured.join(', ') || 'it has none'}), a kind (${kinds.join(', ')}), "./name" for a file of services/signal-bridge/strategies, the path of another file, or a package`,
      fix: 'name one of these',
    }),
  noStrategies: (environment: string) =>
    new UserError({
      code: 'BACKTEST_STRATEGY',
      message: `config/system.${environment}.json has no strategies, and none was named`,
      fix: 'name one with --strategy',
    }),
  /** A value of `--strategy` that is not of the configuration lacks what its entry would say. */
  parameters: (problem: string) =>
    new UserError({
      code: 'BACKTEST_PARAMETERS',
      message: problem,
      fix: `give them as one JSON object: --parameters '{"window": 20, "threshold": 2}'`,
    }),
} as const;
