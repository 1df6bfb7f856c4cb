import type { RunRecord } from '../../evidence/run.ts';
import { size } from '../format.ts';
import { html, type Markup } from '../markup.ts';
import { outcome } from '../outcome.ts';
import { loadDetails, loadTiles, type K6Output } from './load.ts';
import { checks, stages, verdict } from './overview.ts';
import { STYLE } from './style.ts';

/** The whole page. It needs no network, no script and no other file. */
export function page(run: RunRecord, output: K6Output): string {
  const load = run.evidence.find(({ stage }) => stage === 'load');
  const tiles = loadTiles(load);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>${outcome(run).pass ? 'PASS' : 'BLOCK'} · ${run.commit.slice(0, 12)} · Papergate</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        <main>
          <h1>Papergate delivery report</h1>
          ${verdict(run)}
          <h2>Stages</h2>
          ${stages(run)} ${tiles !== undefined && html`<h2>Load suites and their floors</h2>`} ${tiles}
          <h2>Checks</h2>
          ${checks(run.evidence)} ${tiles !== undefined && html`<h2>Latency and rates</h2>`}
          ${loadDetails(load, output)}
          <h2>What ran, and where</h2>
          ${machine(run)} ${manifest(run)}
        </main>
      </body>
    </html>`.text;
}

function facts(rows: Array<[string, string]>): Markup {
  return html`<dl class="facts">
    ${rows.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`;
}

function machine({ machine, run_id, urls }: RunRecord): Markup {
  return html`<section class="card" aria-label="machine">
    ${facts([
      ['run', run_id],
      ['machine', `${machine.platform}, ${machine.cpus} × ${machine.cpu_model}, ${size(machine.memory_bytes)}`],
      ['Node.js', machine.node],
      ['PostgreSQL', machine.postgres === '' ? 'not started here' : machine.postgres],
      ['k6', machine.k6 === '' ? 'not run' : machine.k6],
      ...Object.entries(urls),
    ])}
  </section>`;
}

function manifest({ manifest }: RunRecord): Markup {
  if (manifest === undefined) return html`<p class="empty">No manifest: the run ended before the build.</p>`;
  return html`<details class="card" open>
    <summary>Manifest <span class="mono">${manifest.digest}</span></summary>
    ${facts([
      ['commit', manifest.commit],
      ['schema', manifest.schema_version],
      ['configuration', manifest.config_digest],
      ['lock file', manifest.lockfile_digest],
      ...Object.entries(manifest.services).map(([name, { digest }]): [string, string] => [name, digest]),
    ])}
  </details>`;
}
