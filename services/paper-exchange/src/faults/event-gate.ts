import type { Faults } from './faults.ts';

type Update = Record<string, unknown>;

export interface EventGateOptions {
  faults: Faults;
  publish: (update: Update) => void;
  disconnect: () => void;
  /** How long a reordered event waits for one to overtake it, ms. */
  patienceMs?: number;
}

/**
 * The trade updates' way out, with the faults that may meet them: dropped, doubled, late, behind their
 * successor, or the last thing before the line is cut.
 */
export class EventGate {
  readonly #options: EventGateOptions;
  #overtaken: { update: Update; timer: NodeJS.Timeout } | undefined;
  readonly #late = new Set<NodeJS.Timeout>();

  constructor(options: EventGateOptions) {
    this.#options = options;
  }

  send(update: Update, subject: { symbol: string; event: string }): void {
    const { faults } = this.#options;
    if (!faults.any) {
      this.#out(update);
      return;
    }
    const match = { ...subject, path: '/stream' };
    if (faults.strike('drop_event', match) !== undefined) return;
    const delayed = faults.strike('delay', match, 'event');
    if (delayed !== undefined) this.#later(update, delayed.ms);
    else if (this.#overtaken === undefined && faults.strike('reorder_event', match) !== undefined) this.#hold(update);
    else this.#out(update);
    if (faults.strike('duplicate_event', match) !== undefined) this.#options.publish(update);
    if (faults.strike('disconnect', match, 'event') !== undefined) this.#options.disconnect();
  }

  close(): void {
    clearTimeout(this.#overtaken?.timer);
    this.#overtaken = undefined;
    for (const timer of this.#late) clearTimeout(timer);
    this.#late.clear();
  }

  #out(update: Update): void {
    this.#options.publish(update);
    const held = this.#overtaken;
    if (held === undefined) return;
    clearTimeout(held.timer);
    this.#overtaken = undefined;
    this.#options.publish(held.update);
  }

  #hold(update: Update): void {
    const timer = setTimeout(() => {
      this.#overtaken = undefined;
      this.#options.publish(update);
    }, this.#options.patienceMs ?? 1000);
    this.#overtaken = { update, timer };
  }

  #later(update: Update, ms: number): void {
    const timer = setTimeout(() => {
      this.#late.delete(timer);
      this.#options.publish(update);
    }, ms);
    this.#late.add(timer);
  }
}
