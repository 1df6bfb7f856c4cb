import type { DeliverEvent, ShipEvent } from '@papergate/delivery';
import type { Output } from '../output.ts';
import { deliveryLine } from './delivery-view.ts';
import { duration } from './format.ts';
import { LiveList } from './live-list.ts';

/** Shows a ship as it goes. */
export interface ShipView {
  show(event: ShipEvent): void;
  close(): void;
}

export function makeShipView(output: Output, json: boolean): ShipView {
  if (json) return { show: (event) => output.out(JSON.stringify(event)), close: () => {} };
  return output.isLive ? new LiveList(output) : new PlainLines(output);
}

/** What stays on the screen for an event, live or plain; undefined: nothing. */
export function lastingText(event: ShipEvent): string | undefined {
  if (event.type === 'run') return `papergate: ${event.environment}, run ${event.run_id}`;
  if (event.type === 'commit') return commitText(event);
  if (event.type === 'note') return `note: ${event.message}`;
  if (event.type === 'gate') return gateText(event);
  if (event.type === 'delivery') return deliveryText(event.event);
  if (event.type === 'diagnosis') return event.text;
  if (event.type === 'report') return `report: ${event.html}`;
  return event.type === 'staging' ? stagingText(event) : undefined;
}

/** What the list of stages does not show by itself. */
function deliveryText(event: DeliverEvent): string | undefined {
  return event.type === 'step' ? undefined : deliveryLine(event);
}

function commitText({ commit, subject, uncommitted_changes }: Extract<ShipEvent, { type: 'commit' }>): string {
  const line = `commit ${commit.slice(0, 12)} ${subject}`;
  return uncommitted_changes
    ? `${line}\nnote: the working tree has uncommitted changes; they are not part of this release`
    : line;
}

function gateText({ decision, reasons }: Extract<ShipEvent, { type: 'gate' }>): string {
  if (decision === 'pass') return 'gate: pass';
  return `gate: block\n${reasons.map((reason) => `  - ${reason}`).join('\n')}`;
}

function stagingText({ state, urls, detached, flags = '', reason }: Extract<ShipEvent, { type: 'staging' }>): string {
  if (state === 'stopping') return `stopping staging: ${reason ?? ''}`;
  if (state === 'stopped') return 'staging is stopped';
  const end =
    detached === true ? `"npx papergate stop${flags === '' ? '' : ` ${flags}`}" stops staging` : 'Ctrl-C stops staging';
  return `dashboard: ${urls?.['dashboard'] ?? ''}\napi: ${urls?.['orchestrator'] ?? ''}\nstaging is up; ${end}`;
}

const WORDS = { passed: 'ok', failed: 'FAILED', skipped: 'skipped', interrupted: 'interrupted' } as const;

/** One line an event, for pipes and CI. Progress is told at most every ten seconds, or when its text is new and short. */
class PlainLines implements ShipView {
  readonly #output: Output;
  readonly #now: () => number;
  #lastProgress = -Infinity;

  constructor(output: Output, now: () => number = () => performance.now()) {
    this.#output = output;
    this.#now = now;
  }

  show(event: ShipEvent): void {
    const text = lastingText(event);
    if (text !== undefined) this.#output.out(text);
    if (event.type === 'progress') this.#progress(event);
    if (event.type !== 'stage') return;
    if (event.state === 'started') {
      this.#lastProgress = -Infinity;
      return this.#output.out(`${event.stage} …`);
    }
    const summary = event.summary === undefined ? '' : ` · ${event.summary}`;
    this.#output.out(`${event.stage}: ${WORDS[event.state]} in ${duration(event.duration_ms)}${summary}`);
  }

  #progress({ stage, message, fraction }: Extract<ShipEvent, { type: 'progress' }>): void {
    const at = this.#now();
    if (fraction !== undefined && at - this.#lastProgress < 10_000) return;
    this.#lastProgress = at;
    const percent = fraction === undefined ? '' : ` ${Math.round(fraction * 100)} %`;
    this.#output.out(`  ${stage}${percent}: ${message}`);
  }

  close(): void {
    this.#lastProgress = -Infinity;
  }
}
