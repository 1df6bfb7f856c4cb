/** Tells a stream's callback how some work ended. */
export function settle(
  work: Promise<unknown>,
  finish: (error?: Error | null) => void,
  worded: (reason: unknown) => Error = asError,
): void {
  const fail = (reason: unknown): void => finish(worded(reason));
  work.then(() => finish(), fail);
}

export const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));
