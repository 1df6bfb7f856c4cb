import type { SupervisorEvent } from './status.ts';

const KEPT = 500;

/** The last events, and whoever follows them. */
export class EventLog {
  readonly #events: SupervisorEvent[] = [];
  readonly #followers = new Set<(event: SupervisorEvent) => void>();

  add(event: SupervisorEvent): void {
    this.#events.push(event);
    if (this.#events.length > KEPT) this.#events.shift();
    for (const follower of this.#followers) follower(event);
  }

  /** Gives past and coming events until the returned function is called. */
  follow(onEvent: (event: SupervisorEvent) => void): () => void {
    for (const event of this.#events) onEvent(event);
    this.#followers.add(onEvent);
    return () => this.#followers.delete(onEvent);
  }
}
