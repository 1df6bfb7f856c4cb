import type { ShipEvent } from '@papergate/delivery';
import type { Output } from '../output.ts';
import { bar, clip, duration, style } from './format.ts';
import { lastingText, type ShipView } from './ship-view.ts';

type StageEvent = Extract<ShipEvent, { type: 'stage' }>;
type StageName = StageEvent['stage'];

const SHOWN: StageName[] = ['validate', 'build', 'push', 'deploy', 'smoke', 'load', 'gate'];
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;
const BAR_WIDTH = 24;

interface Row {
  state: StageEvent['state'] | 'waiting';
  begun: number;
  durationMs: number;
  text: string;
  fraction: number | undefined;
}

/** The list of stages on a terminal: what is done with its time, what runs with a bar where it can tell how far it is. */
export class LiveList implements ShipView {
  readonly #output: Output;
  readonly #now: () => number;
  readonly #rows = new Map<StageName, Row>();
  readonly #timer: NodeJS.Timeout;
  #drawn = 0;
  #frame = 0;
  #isOver = false;

  constructor(output: Output, now: () => number = () => performance.now()) {
    this.#output = output;
    this.#now = now;
    for (const stage of SHOWN) {
      this.#rows.set(stage, { state: 'waiting', begun: 0, durationMs: 0, text: '', fraction: undefined });
    }
    this.#timer = setInterval(() => this.#tick(), FRAME_MS);
    this.#timer.unref();
  }

  show(event: ShipEvent): void {
    if (event.type === 'stage') this.#stage(event);
    if (event.type === 'progress') this.#progress(event);
    const text = lastingText(event);
    if (text === undefined) return this.#draw();
    // The list stays below what was said while it moves; what is said after its end comes below it.
    this.#erase();
    if (event.type === 'gate' || event.type === 'report' || event.type === 'staging') this.#finish();
    this.#output.out(text);
    if (!this.#isOver) this.#draw();
  }

  #stage(event: StageEvent): void {
    const row = this.#rows.get(event.stage);
    if (row === undefined) return;
    row.state = event.state;
    row.fraction = undefined;
    if (event.state === 'started') {
      row.begun = this.#now();
      row.text = '';
    } else {
      row.durationMs = event.duration_ms;
      row.text = event.summary ?? '';
    }
  }

  #progress({ stage, message, fraction }: Extract<ShipEvent, { type: 'progress' }>): void {
    const row = this.#rows.get(stage);
    if (row === undefined) return;
    row.text = message;
    row.fraction = fraction;
  }

  #tick(): void {
    this.#frame += 1;
    if (!this.#isOver) this.#draw();
  }

  // Leaves the list as it is on the screen, for good.
  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#output.out(this.#lines().join('\n'));
  }

  #draw(): void {
    if (this.#isOver) return;
    const lines = this.#lines();
    // In one write, so that nobody sees the list half drawn.
    this.#output.raw(`${this.#over()}${lines.join('\n')}\n`);
    this.#drawn = lines.length;
  }

  #erase(): void {
    this.#output.raw(this.#over());
    this.#drawn = 0;
  }

  /** Moves to where the list begins and clears from there. */
  #over(): string {
    return this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A\u001b[0J`;
  }

  #lines(): string[] {
    return [...this.#rows].map(([stage, row]) => this.#line(stage, row));
  }

  #line(stage: StageName, row: Row): string {
    const room = Math.max(10, this.#output.columns() - 24);
    const name = stage.padEnd(9);
    switch (row.state) {
      case 'waiting':
        return style.dim(`  ${name}`);
      case 'started': {
        const time = duration(this.#now() - row.begun).padStart(10);
        const gauge = row.fraction === undefined ? '' : `${bar(row.fraction, BAR_WIDTH)} `;
        const text = clip(row.text, room - (gauge === '' ? 0 : BAR_WIDTH + 1));
        return `${style.cyan(FRAMES[this.#frame % FRAMES.length] ?? '')} ${style.bold(name)} ${time}  ${style.cyan(gauge)}${text}`;
      }
      default:
        return `${mark(row.state)} ${name} ${style.dim(duration(row.durationMs).padStart(10))}  ${style.dim(clip(row.text, room))}`;
    }
  }

  close(): void {
    this.#finish();
  }
}

function mark(state: 'passed' | 'failed' | 'skipped' | 'interrupted'): string {
  if (state === 'passed') return style.green('✔');
  if (state === 'failed') return style.red('✖');
  return state === 'skipped' ? style.dim('–') : style.yellow('■');
}
