import type { Check, Evidence } from '../../evidence/index.ts';
import type { RunRecord, StageTiming } from '../../evidence/run.ts';
import { duration, figure, time } from '../format.ts';
import { html, type Markup } from '../markup.ts';
import { outcome } from '../outcome.ts';

export function pill(status: string): Markup {
  const kind = status === 'passed' || status === 'failed' ? status : 'other';
  const sign = status === 'passed' ? '✔ ' : status === 'failed' ? '✖ ' : '';
  return html`<span class="pill ${kind}">${sign}${status}</span>`;
}

/** Pass or block, why, and what it is about. A run that never came to the gate is a block. */
export function verdict(run: RunRecord): Markup {
  const { pass, reasons } = outcome(run);
  return html`<section class="card verdict ${pass ? 'pass' : 'block'}" aria-label="decision">
    <div>
      <div class="word">${pass ? 'PASS' : 'BLOCK'}</div>
      <div class="soft">${run.gate === undefined ? 'the run ended before the gate' : 'the gate’s decision'}</div>
    </div>
    <div>
      <p><strong>${run.subject}</strong></p>
      <p class="soft">
        <span class="mono">${run.commit.slice(0, 12)}</span> · ${run.environment} on ${run.target} · load
        ${run.load_profile} · ${time(run.started_at)} · took
        ${duration(Date.parse(run.finished_at) - Date.parse(run.started_at))}
      </p>
      ${run.uncommitted_changes && html`<p>The working tree had changes that this release does not contain.</p>`}
      ${run.error !== undefined && failure(run.error)}
      ${
        reasons.length > 0 &&
        html`<ul>
          ${reasons.map((reason) => html`<li>${reason}</li>`)}
        </ul>`
      }
    </div>
  </section>`;
}

function failure({ code, message, fix }: NonNullable<RunRecord['error']>): Markup {
  return html`<p><code>${code}</code> ${message}</p>
    ${fix !== undefined && html`<p>What to do: ${fix}</p>`}`;
}

/** Every stage with its time, drawn to scale one after the other. */
export function stages(run: RunRecord): Markup {
  const total = Math.max(
    1,
    run.stages.reduce((sum, stage) => sum + stage.duration_ms, 0),
  );
  let before = 0;
  const rows = run.stages.map((stage) => {
    const row = stageRow(stage, before / total, stage.duration_ms / total);
    before += stage.duration_ms;
    return row;
  });
  return html`<section class="card scroll">
    <table>
      <thead>
        <tr>
          <th scope="col">stage</th>
          <th scope="col">result</th>
          <th scope="col" class="number">time</th>
          <th scope="col">when</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </section>`;
}

function stageRow({ stage, status, duration_ms, reason }: StageTiming, from: number, share: number): Markup {
  const x = (from * 100).toFixed(2);
  const width = Math.max(0.6, share * 100).toFixed(2);
  return html`<tr>
    <th scope="row">${stage}</th>
    <td>${pill(status)} ${reason !== undefined && html`<span class="soft">${reason}</span>`}</td>
    <td class="number">${status === 'not reached' ? '–' : duration(duration_ms)}</td>
    <td class="span">
      <svg class="span-track" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        <rect class="ground" x="0" y="4" width="100" height="2" />
        <rect class="${status}" x="${x}" y="0" width="${width}" height="10" rx="1" />
      </svg>
    </td>
  </tr>`;
}

/** The checks of each stage; those of a stage where something failed are open. */
export function checks(evidence: readonly Evidence[]): Markup {
  return html`${evidence
    .filter((item) => item.checks.length > 0)
    .map((item) => {
      const failed = item.checks.filter((check) => check.status === 'failed');
      const all = `${item.checks.length} ${item.checks.length === 1 ? 'check' : 'checks'}`;
      const count = failed.length === 0 ? all : `${failed.length} of ${all} failed`;
      return html`<details class="card" ${failed.length > 0 && html`open`}>
        <summary><strong>${item.stage}</strong> ${pill(item.status)} ${count}</summary>
        ${checkTable([...failed, ...item.checks.filter((check) => check.status !== 'failed')])}
      </details>`;
    })}`;
}

function checkTable(list: readonly Check[]): Markup {
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th scope="col">check</th>
          <th scope="col">result</th>
          <th scope="col">found</th>
          <th scope="col">wanted</th>
          <th scope="col">more</th>
        </tr>
      </thead>
      <tbody>
        ${list.map(
          (check) =>
            html`<tr class="${check.status}">
              <th scope="row">${check.name}</th>
              <td>${pill(check.status)}</td>
              <td class="wide">${observed(check)}</td>
              <td class="wide">${wanted(check)}</td>
              <td class="wide soft">${check.detail ?? ''}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** The limit with signs that read well. */
export function wanted(check: Check): string {
  if (check.limit === undefined) return '';
  return `${check.limit.replace(/^<=/, '≤').replace(/^>=/, '≥')}${unitOf(check)}`;
}

export function observed(check: Check): string {
  if (check.observed === undefined) return '';
  return typeof check.observed === 'number' ? `${figure(check.observed)}${unitOf(check)}` : check.observed;
}

function unitOf({ unit }: Check): string {
  if (unit === undefined) return '';
  return unit === '%' ? ' %' : ` ${unit}`;
}
