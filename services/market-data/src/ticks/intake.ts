import type { Tick } from '@papergate/service-kit';
import type { Admission, DropReason, TickDraft, UpstreamQuote, UpstreamTrade } from './admit.ts';
import type { Tape } from './tape.ts';

/** The way every tick takes, from wherever it comes: checked, numbered, handed to the bus. */
export class Intake {
  readonly dropped: Partial<Record<DropReason, number>> = {};
  readonly #admission: Admission;
  readonly #tape: Tape;
  readonly #deliver: (tick: Tick) => void;
  readonly #onDrop: (reason: DropReason, symbol: string) => void;

  constructor(options: {
    admission: Admission;
    tape: Tape;
    deliver: (tick: Tick) => void;
    onDrop: (reason: DropReason, symbol: string) => void;
  }) {
    this.#admission = options.admission;
    this.#tape = options.tape;
    this.#deliver = options.deliver;
    this.#onDrop = options.onDrop;
  }

  trade(trade: UpstreamTrade): void {
    this.#admit(this.#admission.trade(trade), trade.symbol);
  }

  quote(quote: UpstreamQuote): void {
    this.#admit(this.#admission.quote(quote), quote.symbol);
  }

  #admit(verdict: TickDraft | DropReason, symbol: string): void {
    if (typeof verdict !== 'string') {
      this.take(verdict);
      return;
    }
    this.dropped[verdict] = (this.dropped[verdict] ?? 0) + 1;
    this.#onDrop(verdict, symbol);
  }

  take(draft: TickDraft): void {
    this.#deliver(this.#tape.append(draft));
  }
}
