import { figure } from '../format.ts';
import { html, type Markup } from '../markup.ts';
import { linear, linearTicks } from './scale.ts';

const WIDTH = 520;
const HEIGHT = 250;
const BOX = { left: 52, right: 508, top: 34, bottom: 210 };

export interface Line {
  label: string;
  points: ReadonlyArray<{ x: number; y: number }>;
}

export interface LinePlot {
  id: string;
  title: string;
  unit: string;
  /** At most four: more would need more colours than can be told apart. */
  lines: readonly Line[];
  /** A limit to be drawn where it lies in the plot. */
  limit?: { value: number; label: string };
}

/** Lines over seconds. Where there is nothing to draw, it says so. */
export function linePlot({ id, title, unit, lines, limit }: LinePlot): Markup {
  const points = lines.flatMap((line) => line.points);
  if (points.length === 0) return html`<p class="empty">${title}: nothing was measured.</p>`;
  const ticksX = linearTicks(Math.max(1, ...points.map((point) => point.x)), 6);
  const ticksY = linearTicks(Math.max(1e-3, ...points.map((point) => point.y)));
  const lastX = Math.max(1, ...points.map((point) => point.x));
  const x = linear(0, lastX, BOX.left, BOX.right);
  const y = linear(0, ticksY.at(-1)!, BOX.bottom, BOX.top);
  const shownLimit = limit !== undefined && limit.value <= ticksY.at(-1)! ? limit : undefined;

  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="${id}-t">
    <title id="${id}-t">${title} over time: ${lines.map(describe).join('; ')}</title>
    ${ticksY.map(
      (tick) =>
        html`<line class="grid" x1="${BOX.left}" x2="${BOX.right}" y1="${y(tick)}" y2="${y(tick)}" />
          <text class="axis" x="${BOX.left - 8}" y="${y(tick) + 4}" text-anchor="end">${figure(tick)}</text>`,
    )}
    ${ticksX
      .filter((tick) => tick <= lastX)
      .map(
        (tick) =>
          html`<text class="axis" x="${x(tick)}" y="${BOX.bottom + 18}" text-anchor="middle">${figure(tick)}</text>`,
      )}
    <text class="axis" x="${BOX.left - 8}" y="14" text-anchor="end">${unit}</text>
    <text class="axis" x="${BOX.right}" y="${HEIGHT - 4}" text-anchor="end">seconds</text>
    ${
      shownLimit !== undefined &&
      html`<line
          class="floor"
          x1="${BOX.left}"
          x2="${BOX.right}"
          y1="${y(shownLimit.value)}"
          y2="${y(shownLimit.value)}"
        />
        <text class="floor-label" x="${BOX.right}" y="${y(shownLimit.value) - 5}" text-anchor="end"
          >${shownLimit.label}</text
        >`
    }
    ${lines.map((line, index) => drawn(line, index, x, y))} ${lines.map((line, index) => legend(line.label, index))}
  </svg>`;
}

function drawn(line: Line, index: number, x: (value: number) => number, y: (value: number) => number): Markup {
  const at = (point: { x: number; y: number }) => `${x(point.x).toFixed(1)},${y(point.y).toFixed(1)}`;
  const only = line.points.length === 1 ? line.points[0] : undefined;
  if (only !== undefined) return html`<circle class="dot series-${index}" cx="${x(only.x)}" cy="${y(only.y)}" r="4" />`;
  return html`<polyline class="line series-${index}" points="${line.points.map(at).join(' ')}" />`;
}

function legend(label: string, index: number): Markup {
  const x = BOX.left + 10 + index * 116;
  return html`<line class="line series-${index}" x1="${x}" x2="${x + 18}" y1="14" y2="14" />
    <text class="axis" x="${x + 24}" y="18">${label}</text>`;
}

function describe({ label, points }: Line): string {
  const values = points.map((point) => point.y);
  if (values.length === 0) return `${label}: nothing`;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return `${label} from ${figure(Math.min(...values))} to ${figure(Math.max(...values))}, on average ${figure(mean)}`;
}

/** The lines as a table, one row a second. */
export function lineTable({ unit, lines }: Pick<LinePlot, 'unit' | 'lines'>): Markup {
  const seconds = [...new Set(lines.flatMap((line) => line.points.map((point) => point.x)))].sort((a, b) => a - b);
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th scope="col" class="number">second</th>
          ${lines.map(({ label }) => html`<th scope="col" class="number">${label}, ${unit}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${seconds.map(
          (second) =>
            html`<tr>
              <td class="number">${second}</td>
              ${lines.map(({ points }) => {
                const value = points.find((point) => point.x === second)?.y;
                return html`<td class="number">${value === undefined ? '–' : figure(value)}</td>`;
              })}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
