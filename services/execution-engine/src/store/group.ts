interface Waiter<I, O> {
  item: I;
  resolve: (result: O) => void;
  reject: (error: unknown) => void;
}

/** Collects what arrives while one batch is under way into the next: one round trip, one fsync, many orders. */
export function createGroup<I, O>(
  batch: number,
  work: (items: I[]) => Promise<O[]>,
): { add(item: I): Promise<O>; readonly waiting: number } {
  const queue: Waiter<I, O>[] = [];
  let running = false;

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      const group = queue.splice(0, batch);
      try {
        const results = await work(group.map(({ item }) => item));
        for (const [index, { resolve }] of group.entries()) resolve(results[index] as O);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    running = false;
  }

  return {
    get waiting() {
      return queue.length;
    },
    add(item) {
      return new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject });
        if (running) return;
        running = true;
        // What the same turn of the event loop brings belongs to the same batch.
        setImmediate(() => void drain());
      });
    },
  };
}
