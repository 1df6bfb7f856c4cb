/** What the caller's Ctrl-C amounts to: the first asks to stop, a later one not to wait for it. */
export interface Interrupts {
  stop: AbortSignal;
  hurry: AbortSignal;
  /** Leaves the process as it was. */
  release(): void;
}

/** Presses closer than this are one: a terminal, npm and the bootstrap each pass the same Ctrl-C on. */
const ONE_PRESS_MS = 1_000;

export class Interrupted extends Error {
  constructor(by: string) {
    super(`interrupted by ${by}`);
    this.name = 'Interrupted';
  }
}

type Listened = Pick<NodeJS.Process, 'on' | 'off'> & Partial<Pick<NodeJS.Process, 'channel' | 'connected'>>;

/** Listens to signals, and to the end of the process that started us where it gave us a channel. */
export function listenToInterrupts(target: Listened, now: () => number = () => performance.now()): Interrupts {
  const stop = new AbortController();
  const hurry = new AbortController();
  let last: number | undefined;
  const press = (by: string): void => {
    const at = now();
    if (last !== undefined && at - last < ONE_PRESS_MS) return;
    last = at;
    if (stop.signal.aborted) hurry.abort(new Interrupted(by));
    else stop.abort(new Interrupted(by));
  };
  const onGone = (): void => {
    if (!stop.signal.aborted) press('the end of the process that started it');
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) target.on(signal, press);
  if (target.channel !== undefined && target.channel !== null) {
    target.on('disconnect', onGone);
    // Listening must not keep us alive when the work is done.
    target.channel.unref();
    if (target.connected === false) onGone();
  }
  return {
    stop: stop.signal,
    hurry: hurry.signal,
    release: () => {
      for (const signal of signals) target.off(signal, press);
      target.off('disconnect', onGone);
    },
  };
}
