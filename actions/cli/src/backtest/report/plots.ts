import { html, linear, type Markup } from '@papergate/delivery';

/*
 * Plots as SVG with whole bytes: nothing in them but the numbers that they are given. Times are drawn by place and not by the
 * clock, since nights and weekends are no part of them.
 */

const WIDTH = 1080;
const BOX = { left: 84, right: 1068, top: 26 };

/** Round values from at or below `low` to at or above `high`. */
export function niceTicks(low: number, high: number, wanted = 5): number[] {
  const span = high - low || Math.max(1e-9, Math.abs(high) / 1000, 0.01);
  const rough = span / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((part) => part * power).find((one) => one >= rough) ?? rough;
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  return Array.from({ length: last - first + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

const figures = new Intl.NumberFormat('en', { maximumFractionDigits: 4 });
const shown = (value: number): string => figures.format(value);

export interface Series {
  id: string;
  title: string;
  unit: string;
  /** In order; `at` is RFC 3339. */
  points: readonly { at: string; y: number }[];
  /** Filled down from 0, and not a line. */
  isBelow?: boolean;
  height?: number;
}

/** `2024-06-05 14:30`, in UTC as all times of the report. */
const moment = (at: string): string => at.slice(0, 16).replace('T', ' ');

export function seriesPlot({ id, title, unit, points, isBelow = false, height = 260 }: Series): Markup {
  const [first] = points;
  const last = points.at(-1);
  if (first === undefined || last === undefined) return html`<p class="empty">${title}: nothing to draw.</p>`;
  const values = points.map(({ y }) => y);
  const [low, high] = [Math.min(...values), isBelow ? 0 : Math.max(...values)];
  const ticks = niceTicks(low, high, isBelow ? 3 : 5);
  const bottom = height - 34;
  const x = linear(0, Math.max(1, points.length - 1), BOX.left, BOX.right);
  const y = linear(ticks[0] ?? 0, ticks.at(-1) ?? 1, bottom, BOX.top);
  const drawn = points.map((point, at) => `${x(at).toFixed(1)},${y(point.y).toFixed(1)}`).join(' ');
  const said = `${title}: from ${shown(first.y)} to ${shown(last.y)} ${unit}, lowest ${shown(Math.min(...values))}, highest ${shown(Math.max(...values))}`;
  return html`<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="${id}-t">
    <title id="${id}-t">${said}</title>
    ${grid(ticks, y)} ${days(points, x, bottom)} ${moments(points, x, height)}
    <text class="axis" x="${BOX.left - 8}" y="14" text-anchor="end">${unit}</text>
    ${
      isBelow
        ? html`<polygon class="below" points="${BOX.left},${y(0).toFixed(1)} ${drawn} ${x(points.length - 1).toFixed(1)},${y(0).toFixed(1)}" />`
        : html`<polyline class="line series-0" points="${drawn}" />`
    }
  </svg>`;
}

const grid = (ticks: readonly number[], y: (value: number) => number): Markup[] =>
  ticks.map(
    (tick) =>
      html`<line class="grid" x1="${BOX.left}" x2="${BOX.right}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}" />
        <text class="axis" x="${BOX.left - 8}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${shown(tick)}</text>`,
  );

/** A line where a day begins. */
function days(points: Series['points'], x: (at: number) => number, bottom: number): Markup[] {
  const begins = points.flatMap(({ at }, index) =>
    index > 0 && at.slice(0, 10) !== points[index - 1]?.at.slice(0, 10) ? [index - 0.5] : [],
  );
  // More than these are a grey wall.
  if (begins.length > 60) return [];
  return begins.map(
    (at) => html`<line class="day" x1="${x(at).toFixed(1)}" x2="${x(at).toFixed(1)}" y1="${BOX.top}" y2="${bottom}" />`,
  );
}

/** First, last and two between. */
function moments(points: Series['points'], x: (at: number) => number, height: number): Markup[] {
  const last = points.length - 1;
  const wanted = [...new Set([0, Math.round(last / 3), Math.round((2 * last) / 3), last])];
  return wanted.map((at) => {
    const anchor = at === 0 ? 'start' : at === last ? 'end' : 'middle';
    return html`<text class="axis" x="${x(at).toFixed(1)}" y="${height - 12}" text-anchor="${anchor}">
      ${moment(points[at]?.at ?? '')}
    </text>`;
  });
}

const BINS = 24;

/** How many trades brought how much: gains and losses in equal steps around 0. */
export function tradePlot(id: string, results: readonly number[]): Markup {
  if (results.length === 0) return html`<p class="empty">There were no trades.</p>`;
  // Both sides of 0 are there, whatever was brought.
  const least = Math.max(0.01, ...results.map(Math.abs)) / BINS;
  const steps = niceTicks(Math.min(-least, ...results), Math.max(least, ...results), BINS);
  const [low = 0] = steps;
  const step = (steps[1] ?? 1) - low;
  const counts = Array.from({ length: steps.length - 1 }, () => 0);
  for (const result of results) {
    // Its upper end belongs to a step: what brought nothing is no gain.
    const bin = Math.min(counts.length - 1, Math.max(0, Math.ceil((result - low) / step - 1e-9) - 1));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const height = 220;
  const bottom = height - 34;
  const ticks = niceTicks(0, Math.max(...counts), 4).filter((tick) => Number.isInteger(tick));
  const x = linear(low, steps.at(-1) ?? 1, BOX.left, BOX.right);
  const y = linear(0, ticks.at(-1) ?? 1, bottom, BOX.top);
  const width = Math.max(1, x(low + step) - x(low) - 2);
  const won = results.filter((result) => result > 0).length;
  return html`<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="${id}-t">
    <title id="${id}-t">Trades by what they brought: ${won} of ${results.length} gained, from
      ${shown(Math.min(...results))} to ${shown(Math.max(...results))} USD</title>
    ${grid(ticks, y)}
    <text class="axis" x="${BOX.left - 8}" y="14" text-anchor="end">trades</text>
    ${counts.map((count, at) => {
      const from = low + at * step;
      const kind = from > -step / 2 ? 'gain' : 'loss';
      return (
        count > 0 &&
        html`<rect class="${kind}" x="${(x(from) + 1).toFixed(1)}" y="${y(count).toFixed(1)}" width="${width.toFixed(1)}"
          height="${(bottom - y(count)).toFixed(1)}" />`
      );
    })}
    <line class="day" x1="${x(0).toFixed(1)}" x2="${x(0).toFixed(1)}" y1="${BOX.top}" y2="${bottom}" />
    ${labelled(steps).map(
      (value) =>
        html`<text class="axis" x="${x(value).toFixed(1)}" y="${height - 12}" text-anchor="middle">${shown(value)}</text>`,
    )}
    <text class="axis" x="${BOX.right}" y="14" text-anchor="end">USD a trade</text>
  </svg>`;
}

const labelled = (steps: readonly number[]): number[] => {
  const every = Math.max(1, Math.ceil((steps.length - 1) / 8));
  const zero = steps.findIndex((value) => value >= 0);
  return steps.filter((_, at) => at > 0 && at < steps.length - 1 && (at - zero) % every === 0);
};
