import { table } from '../output.ts';
import type { BacktestReport, ResultRecord, StrategyRecord } from './types.ts';

const cents = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const whole = new Intl.NumberFormat('en');
/** For people: decimal text in full goes in, two places come out. */
const usd = (amount: string): string => `${cents.format(amount as Intl.StringNumericLiteral)} USD`;
const counts = (found: Record<string, number>): string =>
  Object.entries(found)
    .map(([what, times]) => `${what} ${whole.format(times)}`)
    .join(', ') || 'none';

/** The report for a person at a terminal. */
export function showReport(report: BacktestReport): string {
  const { inputs, market, orders, positions, events } = report;
  const parts = [
    `${whole.format(market.ticks)} ticks of ${market.symbols.join(', ')}, ${market.first} to ${market.last}; limits of ${inputs.environment}, seed ${inputs.seed}, ${inputs.latency_ms}–${inputs.latency_ms + inputs.jitter_ms} ms each way`,
    table([
      ['strategy', 'plug-in', 'symbols', 'signals', 'orders', 'refused', 'fills', ''],
      ...report.strategies.map(strategyRow),
    ]),
    `orders: ${counts(orders.by_status)}${orders.protective === 0 ? '' : ` (${whole.format(orders.protective)} of them at a stop or target)`}\nrefused by risk: ${counts(report.refusals)}\nrefused by the exchange: ${counts(report.rejections)}`,
    table(resultRows(report.result)),
  ];
  if (positions.length > 0) {
    const rows = positions.map((held) => [
      held.symbol,
      held.quantity,
      held.avg_entry_price,
      held.market_price,
      usd(held.unrealized_pnl),
    ]);
    parts.push(table([['still held', 'shares', 'paid', 'market', 'unrealized'], ...rows]));
  }
  const trips = events
    .filter(({ kind }) => kind === 'trip')
    .map(({ at, code, message }) => `${at} ${code}: ${message}`);
  if (trips.length > 0) parts.push(`the breaker tripped (trading ended ${report.trading_state}):\n${trips.join('\n')}`);
  return parts.join('\n\n');
}

function strategyRow({ name, plugin, symbols, signals, orders, refused, fills, failure }: StrategyRecord): string[] {
  const stopped = failure === null ? '' : `STOPPED (${failure.reason}): ${failure.detail}`;
  return [name, plugin, symbols.join(' '), ...[signals, orders, refused, fills].map((n) => whole.format(n)), stopped];
}

function resultRows(result: ResultRecord): string[][] {
  return [
    ['result', usd(result.total_pnl), `${result.return_percent} %`],
    ['realized', usd(result.realized_pnl), ''],
    ['unrealized', usd(result.unrealized_pnl), ''],
    ['fees', usd(result.fees), ''],
    ['slippage', usd(result.slippage), 'fills against the prices of their signals'],
    ['max. drawdown', usd(result.max_drawdown), `${result.max_drawdown_percent} %`],
    ['Sharpe ratio', result.sharpe_ratio === null ? '–' : String(result.sharpe_ratio), result.formulas.sharpe_ratio],
    ['turnover', usd(result.traded_value), `${result.turnover_percent} % of the starting cash`],
    [
      'trades',
      whole.format(result.trades),
      `${whole.format(result.winning_trades)} won${result.win_rate_percent === null ? '' : `, ${result.win_rate_percent} %`}`,
    ],
  ];
}
