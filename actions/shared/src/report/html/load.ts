import type { Check, Evidence } from '../../evidence/index.ts';
import { suitesOf, type SuiteData } from '../../load/data.ts';
import { SUITES } from '../../load/suites.ts';
import { html, type Markup } from '../markup.ts';
import { linePlot, lineTable, type LinePlot } from '../plots/lines.ts';
import { percentilePlot, percentileTable } from '../plots/percentiles.ts';
import { observed, pill, wanted } from './overview.ts';

/** k6's own output by suite name. */
export type K6Output = ReadonlyMap<string, string>;

const ABOUT = new Set(['k6 verdict', 'planned load']);

/** The suites in four tiles: each floor with what was reached. */
export function loadTiles(evidence: Evidence | undefined): Markup | undefined {
  if (evidence === undefined || evidence.status === 'skipped') return undefined;
  const tiles = SUITES.map((suite) => {
    const checks = checksOf(evidence, suite.name);
    if (checks.length === 0) return undefined;
    const failed = checks.some(({ check }) => check.status === 'failed');
    return html`<section class="card">
      <div class="tile-head">
        <h3>${suite.title}</h3>
        ${pill(failed ? 'failed' : 'passed')}
      </div>
      <div class="soft">${suite.describes}</div>
      <dl class="floors">
        ${checks
          .filter(({ name, check }) => !ABOUT.has(name) || check.status === 'failed')
          .map(
            ({ name, check }) =>
              html`<dt>${name}</dt>
                <dd class="${check.status}">
                  ${check.status === 'failed' && '✖ '}${observed(check)} <span class="limit">${wanted(check)}</span>
                </dd>`,
          )}
      </dl>
    </section>`;
  });
  return html`<div class="tiles">${tiles.filter((tile) => tile !== undefined)}</div>`;
}

function checksOf(evidence: Evidence, suite: string): Array<{ name: string; check: Check }> {
  const prefix = `${suite}: `;
  return evidence.checks
    .filter(({ name }) => name.startsWith(prefix))
    .map((check) => ({ name: check.name.slice(prefix.length), check }));
}

/** Plots of each suite, with their numbers as tables and k6's own words below. */
export function loadDetails(evidence: Evidence | undefined, output: K6Output): Markup[] {
  return suitesOf(evidence).map((suite) => suiteDetails(suite, output.get(suite.name)));
}

function suiteDetails(suite: SuiteData, text: string | undefined): Markup {
  const timed = timePlots(suite);
  return html`<section class="card" aria-label="${suite.title}">
    <h3>${suite.title}</h3>
    <p class="soft">
      ${suite.describes}. k6: ${suite.verdict}, exit ${suite.exit_code ?? 'by a signal'}, ${suite.duration_s} s.
    </p>
    ${suite.latencies.length === 0 && html`<p class="empty">No latency was measured.</p>`}
    <div class="plots">
      ${suite.latencies.map(
        (latency, index) =>
          html`<figure>
            <figcaption>${latency.label}</figcaption>
            ${percentilePlot(latency, `${suite.name}-p${index}`)}
          </figure>`,
      )}
      ${timed.map(
        (plot) =>
          html`<figure>
            <figcaption>${plot.title}</figcaption>
            ${linePlot(plot)}
          </figure>`,
      )}
    </div>
    <details>
      <summary>The numbers as tables</summary>
      ${suite.latencies.length > 0 && percentileTable(suite.latencies)}
      ${timed.map((plot) => [html`<p>${plot.title}</p>`, lineTable(plot)])}
    </details>
    <details>
      <summary>What k6 itself said (<span class="mono">${suite.log}</span>)</summary>
      <pre tabindex="0">${text ?? 'The file is not there.'}</pre>
    </details>
  </section>`;
}

function timePlots({ name, series }: SuiteData): LinePlot[] {
  const rates: LinePlot = {
    id: `${name}-rate`,
    title: 'Per second',
    unit: '1/s',
    lines: series.rates.map(({ label, points }) => ({
      label,
      points: points.map(({ t, count }) => ({ x: t, y: count })),
    })),
  };
  const latencies = series.latencies.map(({ label, points }, index): LinePlot => {
    const line = (key: 'p50' | 'p95' | 'max') => ({
      label: key,
      points: points.map((point) => ({ x: point.t, y: point[key] })),
    });
    return {
      id: `${name}-time${index}`,
      title: `${label} over time`,
      unit: 'ms',
      lines: [line('p50'), line('p95'), line('max')],
    };
  });
  return [rates, ...latencies];
}
