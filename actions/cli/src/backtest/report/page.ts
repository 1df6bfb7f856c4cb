import { html, REPORT_STYLE, type Markup } from '@papergate/delivery';
import type { BacktestReport, StrategyRecord } from '../types.ts';
import { seriesPlot, tradePlot } from './plots.ts';

/** Rows beyond these are in report.json alone. */
const MOST_ROWS = 500;

const cents = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const whole = new Intl.NumberFormat('en');
const usd = (amount: string): string => `${cents.format(amount as Intl.StringNumericLiteral)} USD`;
const percent = (text: string): string => `${cents.format(text as Intl.StringNumericLiteral)} %`;
const moment = (at: string): string => at.slice(0, 19).replace('T', ' ');
const isLoss = (amount: string): boolean => amount.startsWith('-');

const STYLE = `
.figures { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 180px), 1fr)); }
.figures .card { margin: 0; } .figures .value { font-size: 1.35rem; font-weight: 650; font-variant-numeric: tabular-nums; }
.figures .name { color: var(--soft); font-size: .9rem; } .gain { color: var(--good); } .loss { color: var(--bad); }
svg .below { fill: var(--bad); opacity: .55; } svg rect.gain { fill: var(--good); } svg rect.loss { fill: var(--bad); }
svg .day { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 4; opacity: .6; }
.plot { overflow-x: auto; } .plot svg { min-width: 640px; } figure + figure { margin-top: 18px; }
`;

/**
 * A backtest as one page: no script, no network, no other file. The same report gives the same bytes; nothing of the machine
 * and no time but those of the ticks is in it.
 */
export function reportPage(report: BacktestReport): string {
  const names = report.strategies.map(({ name }) => name).join(', ');
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>Backtest of ${names} · Papergate</title>
        <style>
          ${REPORT_STYLE}
          ${STYLE}
        </style>
      </head>
      <body>
        <main>
          <h1>Backtest of ${names}</h1>
          <p class="soft">${about(report)}</p>
          ${stopped(report)} ${figures(report)}
          <h2>Equity</h2>
          ${curves(report)}
          <h2>Strategies</h2>
          ${strategies(report.strategies)}
          <h2>Orders and refusals</h2>
          ${orders(report)}
          <h2>Trades</h2>
          ${trades(report)}
          <h2>How this came about</h2>
          ${inputs(report)}
        </main>
      </body>
    </html>
`.text;
}

function about({ market, inputs }: BacktestReport): string {
  return `${whole.format(market.ticks)} ticks of ${market.symbols.join(', ')}, ${moment(market.first)} to ${moment(market.last)} UTC; risk limits of ${inputs.environment}, seed ${inputs.seed}, ${inputs.latency_ms}–${inputs.latency_ms + inputs.jitter_ms} ms each way`;
}

/** What makes the figures mean less than they seem to. */
function stopped({ strategies, events, trading_state: state }: BacktestReport): Markup | undefined {
  const failed = strategies.flatMap(({ name, failure }) =>
    failure === null ? [] : [html`<li>${name} was stopped (${failure.reason}): ${failure.detail}</li>`],
  );
  const trips = events
    .filter(({ kind }) => kind === 'trip')
    .map(({ at, code, message }) => html`<li>${moment(at)} <code>${code}</code> ${message}</li>`);
  if (failed.length === 0 && trips.length === 0) return undefined;
  return html`<section class="card verdict block" aria-label="what went wrong">
    <div>
      <strong>${failed.length > 0 ? 'A strategy was stopped' : 'The breaker tripped'}</strong>
      <p class="soft">Trading ended ${state}.</p>
      <ul>
        ${failed} ${trips}
      </ul>
    </div>
  </section>`;
}

function figures({ result, inputs }: BacktestReport): Markup {
  const tone = isLoss(result.total_pnl) ? 'loss' : 'gain';
  const { sharpe_ratio: sharpe, win_rate_percent: winRate } = result;
  const tiles: [string, string, string, string?][] = [
    ['return', percent(result.return_percent), `${usd(result.total_pnl)} on ${usd(inputs.starting_cash)}`, tone],
    ['max. drawdown', percent(result.max_drawdown_percent), usd(result.max_drawdown)],
    ['Sharpe ratio', sharpe === null ? '–' : sharpe.toFixed(2), 'of a year, risk-free rate 0'],
    ['turnover', percent(result.turnover_percent), `${usd(result.traded_value)} traded`],
    [
      'win rate',
      winRate === null ? '–' : percent(winRate),
      `${whole.format(result.winning_trades)} of ${whole.format(result.trades)} trades`,
    ],
    ['fees and slippage', usd(result.fees), `${usd(result.slippage)} of slippage`],
  ];
  return html`<div class="figures">
    ${tiles.map(
      ([name, value, more, kind = '']) =>
        html`<section class="card">
          <div class="name">${name}</div>
          <div class="value ${kind}">${value}</div>
          <div class="soft">${more}</div>
        </section>`,
    )}
  </div>`;
}

function curves({ equity }: BacktestReport): Markup {
  const plots = [
    {
      id: 'equity',
      title: 'Equity',
      unit: 'USD',
      points: equity.map((one) => ({ at: one.at, y: Number(one.equity) })),
    },
    {
      id: 'drawdown',
      title: 'Below its highest value before',
      unit: '%',
      isBelow: true,
      height: 180,
      points: equity.map((one) => ({ at: one.at, y: 0 - Number(one.drawdown_percent) })),
    },
  ];
  return html`<section class="card">
    ${plots.map(
      (plot) =>
        html`<figure>
          <figcaption>${plot.title}</figcaption>
          <div class="plot" tabindex="0" role="group" aria-label="${plot.title}">${seriesPlot(plot)}</div>
        </figure>`,
    )}
    <p class="soft">Times are UTC. Nights and what lies outside the window are left out.</p>
  </section>`;
}

/** A column whose name ends in `#` is one of numbers. */
function table(columns: readonly string[], rows: readonly (readonly (string | Markup)[])[], left = 0): Markup {
  const kindOf = (at: number): string => (columns[at]?.endsWith('#') === true ? 'number' : '');
  return html`<div class="scroll" tabindex="0" role="group" aria-label="${columns[0] ?? ''}">
      <table>
        <thead>
          <tr>
            ${columns.map((name, at) => html`<th scope="col" class="${kindOf(at)}">${name.replace(/#$/, '')}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) =>
              html`<tr>
                ${row.map((cell, at) => html`<td class="${kindOf(at)}">${cell}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${left > 0 && html`<p class="soft">${whole.format(left)} more are in report.json.</p>`}`;
}

function strategies(all: readonly StrategyRecord[]): Markup {
  const rows = all.map(({ name, plugin, symbols, signals, suppressed, orders, refused, fills, failure }) => [
    name,
    plugin,
    symbols.join(' '),
    ...[signals, suppressed, orders, refused, fills].map((count) => whole.format(count)),
    failure === null ? 'ran to the end' : `stopped: ${failure.reason}`,
  ]);
  const columns = ['strategy', 'plug-in', 'symbols', 'signals#', 'held back#', 'orders#', 'refused#', 'fills#', ''];
  return html`<section class="card">${table(columns, rows)}</section>`;
}

function orders({ orders: { placed, protective, by_status: statuses }, refusals, rejections }: BacktestReport): Markup {
  const counted = (name: string, found: Record<string, number>, none: string): Markup => {
    const rows = Object.entries(found)
      .toSorted(([a, one], [b, two]) => two - one || (a < b ? -1 : 1))
      .map(([what, times]) => [html`<span class="mono">${what}</span>`, whole.format(times)]);
    return html`<section class="card">
      <h3>${name}</h3>
      ${rows.length === 0 ? html`<p class="empty">${none}</p>` : table(['code', 'times#'], rows)}
    </section>`;
  };
  return html`<p class="soft">
      ${whole.format(placed)} orders were placed, ${whole.format(protective)} of them at a stop or a target.
    </p>
    <div class="tiles">
      ${counted('Orders by status', statuses, 'None was placed.')}
      ${counted('Refused by the risk limits', refusals, 'None was refused.')}
      ${counted('Refused by the exchange', rejections, 'None was refused.')}
    </div>`;
}

const signed = (amount: string): Markup =>
  html`<span class="${isLoss(amount) ? 'loss' : 'gain'}">${cents.format(amount as Intl.StringNumericLiteral)}</span>`;

function trades({ trades: all, fills, positions }: BacktestReport): Markup {
  const rows = all
    .slice(0, MOST_ROWS)
    .map((one) => [moment(one.opened_at), moment(one.closed_at), one.symbol, one.side, one.quantity, signed(one.pnl)]);
  const filled = fills
    .slice(0, MOST_ROWS)
    .map((one) => [
      moment(one.at),
      one.symbol,
      one.side,
      one.quantity,
      one.price,
      one.fee,
      signed(one.realized_pnl),
      one.strategy ?? 'stop or target',
    ]);
  const held = positions.map((one) => [
    one.symbol,
    one.quantity,
    one.avg_entry_price,
    one.market_price,
    signed(one.unrealized_pnl),
  ]);
  return html`<section class="card">
      <figure>
        <figcaption>Trades by what they brought</figcaption>
        <div class="plot" tabindex="0" role="group" aria-label="Trades by what they brought">
          ${tradePlot(
            'trades',
            all.map(({ pnl }) => Number(pnl)),
          )}
        </div>
      </figure>
    </section>
    ${held.length > 0 && html`<section class="card"><h3>Still held</h3>${table(['symbol', 'shares#', 'paid#', 'market#', 'unrealized, USD#'], held)}</section>`}
    ${rows.length > 0 && html`<details class="card"><summary>${whole.format(all.length)} trades, from flat to flat</summary>${table(['opened', 'closed', 'symbol', 'side', 'shares#', 'result, USD#'], rows, all.length - rows.length)}</details>`}
    ${filled.length > 0 && html`<details class="card"><summary>${whole.format(fills.length)} fills</summary>${table(['at', 'symbol', 'side', 'shares#', 'price#', 'fee#', 'realized, USD#', 'by'], filled, fills.length - filled.length)}</details>`}`;
}

function inputs({ inputs, result, strategies: all }: BacktestReport): Markup {
  const facts: [string, string][] = [
    ['ticks', inputs.files.join(', ')],
    ['risk limits', `${inputs.environment}, SHA-256 ${inputs.risk_limits_sha256}`],
    [
      'window',
      inputs.from === null && inputs.to === null
        ? 'whole days'
        : `${inputs.from ?? '00:00'} to ${inputs.to ?? '24:00'}, New York`,
    ],
    ['seed', String(inputs.seed)],
    ['latency', `${inputs.latency_ms} ms each way, up to ${inputs.jitter_ms} ms more`],
    ['partial fills', inputs.partial_fills === 0 ? 'none' : `half of ${inputs.partial_fills * 100} % of the orders`],
    ['fee', `${inputs.fee_per_share} USD a share`],
    ...all.map(({ name, quantity, bar_ms: bar, cooldown_ms: cooldown, parameters }): [string, string] => [
      name,
      `${quantity} shares, bars of ${bar} ms, cool-down ${cooldown} ms, ${JSON.stringify(parameters)}`,
    ]),
  ];
  const formulas = Object.entries(result.formulas).map(([name, text]): [string, string] => [
    name.replaceAll('_', ' '),
    text,
  ]);
  return html`<section class="card">
      ${listed(facts)}
    </section>
    <section class="card">
      <h3>How the figures are made</h3>
      ${listed(formulas)}
      <p class="soft">
        Other participants do not react to the orders, and how long a strategy computes is not measured.
      </p>
    </section>`;
}

const listed = (rows: readonly [string, string][]): Markup =>
  html`<dl class="facts">
    ${rows.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`;
