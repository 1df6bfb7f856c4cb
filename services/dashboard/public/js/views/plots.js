import uPlot from '../../vendor/uPlot.esm.js';
import { byId } from '../dom.js';
import { asMoney, asRate } from '../format.js';

/** Seconds that the plots show. */
const SPAN = 600;
const HEIGHT = 200;

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const inNewYork = (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'America/New_York');
const minutes = uPlot.fmtDate('{HH}:{mm}');
const moment = uPlot.fmtDate('{HH}:{mm}:{ss}');

function axes(format, size) {
  const common = { stroke: color('--muted'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false } };
  return [
    {
      ...common,
      space: 60,
      incrs: [60, 120, 300],
      values: (_plot, values) => values.map((seconds) => minutes(inNewYork(seconds))),
    },
    { ...common, size, space: 34, values: (_plot, values) => values.map(format) },
  ];
}

function plot(id, series, format, size = 56) {
  const target = byId(id);
  return new uPlot(
    {
      width: Math.max(200, target.clientWidth),
      height: HEIGHT - 26,
      tzDate: inNewYork,
      cursor: { drag: { x: false, y: false }, points: { size: 6 } },
      legend: { live: true, markers: { width: 3 } },
      padding: [8, 8, 0, 0],
      scales: { y: { range: (_plot, low, high) => span(low, high) } },
      axes: axes(format, size),
      series: [
        { label: 'at', value: (_plot, value) => (value === null ? '–' : moment(inNewYork(value))) },
        ...series.map(({ label, stroke, fill }) => ({
          label,
          stroke: color(stroke),
          width: 2,
          points: { show: false },
          ...(fill ? { fill: `${color(stroke)}22` } : {}),
          value: (_plot, value) => (value === null ? '–' : format(value)),
        })),
      ],
    },
    [[], ...series.map(() => [])],
    target,
  );
}

/** A range that never collapses, with zero in it unless all values are far away from zero. */
function span(low, high) {
  if (low === null || high === null) return [0, 1];
  const from = Math.min(0, low);
  const to = Math.max(0, high);
  const room = (to - from || 1) * 0.08;
  return [from === 0 ? 0 : from - room, to === 0 ? 0 : to + room];
}

/** The last ten minutes: history first, then second by second. A second without a number is a gap in the line, not a zero. */
export class Plots {
  #samples = [];
  #plots = [];

  constructor() {
    this.#draw();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#draw());
    new ResizeObserver(() => this.#fit()).observe(byId('main'));
  }

  #draw() {
    for (const { plot: old } of this.#plots) old.destroy();
    this.#plots = [
      {
        plot: plot('plot-ticks', [{ label: 'ticks/s', stroke: '--plot-1', fill: true }], asRate),
        pick: [(s) => s.ticks_per_second],
      },
      {
        plot: plot(
          'plot-latency',
          [
            { label: 'tick', stroke: '--plot-1' },
            { label: 'order', stroke: '--plot-2' },
            { label: 'write', stroke: '--plot-3' },
          ],
          asRate,
          48,
        ),
        pick: [(s) => s.tick_latency_ms?.p99, (s) => s.order_latency_ms?.p99, (s) => s.write_latency_ms?.p99],
      },
      {
        plot: plot(
          'plot-pnl',
          [
            { label: 'realized', stroke: '--plot-1' },
            { label: 'with open', stroke: '--plot-2' },
          ],
          asMoney,
          72,
        ),
        pick: [(s) => number(s.realized_pnl), (s) => together(s.realized_pnl, s.unrealized_pnl)],
      },
    ];
    this.show();
  }

  #fit() {
    for (const { plot: each } of this.#plots) {
      const width = Math.max(200, each.root.parentElement.clientWidth);
      if (width !== each.width) each.setSize({ width, height: HEIGHT - 26 });
    }
  }

  replace(samples) {
    this.#samples = samples.slice(-SPAN);
    this.show();
  }

  add(sample) {
    if (this.#samples.at(-1)?.at >= sample.at) return;
    this.#samples.push(sample);
    if (this.#samples.length > SPAN) this.#samples.shift();
    this.show();
  }

  show() {
    const times = this.#samples.map(({ at }) => Date.parse(at) / 1000);
    for (const { plot: each, pick } of this.#plots) {
      each.setData([times, ...pick.map((value) => this.#samples.map((sample) => value(sample) ?? null))]);
      // Nobody points anywhere: the legend shows the newest second.
      if (times.length > 0 && (each.cursor.left ?? -1) < 0) each.setLegend({ idx: times.length - 1 });
    }
  }
}

/** Decimal text as a number: for a line on a screen a float will do. */
const number = (text) => (typeof text === 'string' ? Number(text) : null);
const together = (a, b) => (typeof a === 'string' && typeof b === 'string' ? Number(a) + Number(b) : null);
