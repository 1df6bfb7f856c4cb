import type { Event, Observer } from 'zeromq';

export interface Observed {
  events: Pick<Observer, 'closed' | 'receive'>;
}

/**
 * Calls back for everything that happens to the connections of a socket, until it is closed. Read, and not listened to: the
 * library's emitter asks for its parts with the `require` of whoever loaded the library first, which outlives no test file.
 */
export function observe({ events }: Observed, onEvent: (event: Event) => void): void {
  void (async () => {
    while (!events.closed) onEvent(await events.receive());
  })().catch(() => undefined); // closed while it waited
}
