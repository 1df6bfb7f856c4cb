import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * A secret that cannot be printed: every way of turning it into text gives `[redacted]`.
 * Only {@link Secret.reveal} hands the value out; call it where the value is used and nowhere else.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  get isEmpty(): boolean {
    return this.#value === '';
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
