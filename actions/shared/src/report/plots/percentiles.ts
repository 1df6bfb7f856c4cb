import type { LatencyData } from '../../load/data.ts';
import { figure } from '../format.ts';
import { html, type Markup } from '../markup.ts';
import { decades, logarithmic } from './scale.ts';

const WIDTH = 520;
const HEIGHT = 250;
const BOX = { left: 52, right: 508, top: 26, bottom: 214 };

/** Which floor speaks of which statistic. */
const STATS = [
  { key: 'avg', label: 'mean', floor: 'avg' },
  { key: 'p50', label: 'p50', floor: 'med' },
  { key: 'p90', label: 'p90', floor: undefined },
  { key: 'p95', label: 'p95', floor: undefined },
  { key: 'p99', label: 'p99', floor: 'p(99)' },
  { key: 'max', label: 'max', floor: undefined },
] as const;

/** Mean and percentiles of one latency on a logarithmic axis, each with its floor where it has one. */
export function percentilePlot(data: LatencyData, id: string): Markup {
  const floors = data.floors.map(({ max }) => max);
  const values = STATS.map(({ key }) => data[key]).filter((value) => value > 0);
  const ticks = decades(Math.max(0.01, Math.min(1, 0.9 * Math.min(...values))), Math.max(10, ...values, ...floors));
  const y = logarithmic(ticks[0]!, ticks.at(-1)!, BOX.bottom, BOX.top);
  const step = (BOX.right - BOX.left) / STATS.length;

  const marks = STATS.map(({ key, label, floor }, index) => {
    const x = BOX.left + step * (index + 0.5);
    const value = data[key];
    const limit = data.floors.find(({ stat }) => stat === floor)?.max;
    const kept = limit === undefined ? 'free' : value <= limit ? 'kept' : 'missed';
    return html`<g class="${kept}">
      <line class="stem" x1="${x}" x2="${x}" y1="${BOX.bottom}" y2="${y(value)}" />
      <circle class="dot" cx="${x}" cy="${y(value)}" r="5" />
      <text
        class="value"
        x="${x}"
        y="${labelAt(y(value), limit === undefined ? undefined : y(limit))}"
        text-anchor="middle"
        >${figure(value)}</text
      >
      <text class="axis" x="${x}" y="${BOX.bottom + 18}" text-anchor="middle">${label}</text>
      ${limit !== undefined && floorMark(x, y(limit), step, limit, kept)}
    </g>`;
  });
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="${id}-t">
    <title id="${id}-t">${describe(data)}</title>
    ${ticks.map(
      (tick) =>
        html`<line class="grid" x1="${BOX.left}" x2="${BOX.right}" y1="${y(tick)}" y2="${y(tick)}" />
          <text class="axis" x="${BOX.left - 8}" y="${y(tick) + 4}" text-anchor="end">${figure(tick)}</text>`,
    )}
    <text class="axis" x="${BOX.left - 8}" y="14" text-anchor="end">ms</text>
    ${marks}
  </svg>`;
}

/** Above the dot, unless the floor's own label is there. */
function labelAt(dot: number, floor: number | undefined): number {
  const above = dot - 10;
  return floor !== undefined && Math.abs(above - (floor - 5)) < 14 ? dot + 20 : above;
}

/** The label lies on the side on which the dot is not. */
function floorMark(x: number, y: number, step: number, limit: number, kept: string): Markup {
  const half = step * 0.42;
  const label = kept === 'missed' ? y + 13 : y - 5;
  return html`<line class="floor" x1="${x - half}" x2="${x + half}" y1="${y}" y2="${y}" />
    <text class="floor-label" x="${x + half}" y="${label}" text-anchor="end">≤ ${figure(limit)}</text>`;
}

/** What the plot shows, in one sentence, for those who do not see it. */
function describe(data: LatencyData): string {
  const stats = STATS.map(({ key, label, floor }) => {
    const limit = data.floors.find(({ stat }) => stat === floor)?.max;
    return `${label} ${figure(data[key])} ms${limit === undefined ? '' : ` (allowed ${figure(limit)} ms)`}`;
  });
  return `${data.label}, ${data.count} samples: ${stats.join(', ')}`;
}

/** The same numbers as a table. */
export function percentileTable(rows: readonly LatencyData[]): Markup {
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th scope="col">ms</th>
          ${STATS.map(({ label }) => html`<th scope="col" class="number">${label}</th>`)}
          <th scope="col" class="number">samples</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              <th scope="row">${row.label}</th>
              ${STATS.map(({ key }) => html`<td class="number">${figure(row[key])}</td>`)}
              <td class="number">${figure(row.count)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
