import crypto from 'node:crypto';

/** What of `node:crypto` it takes; Node has `randomUUIDv7` from 24.16 on. */
export type IdSource = Pick<typeof crypto, 'randomUUID'> & Partial<Pick<typeof crypto, 'randomUUIDv7'>>;

/**
 * UUIDs in order of time (RFC 9562, version 7): the database puts each at the end of an index, where its neighbours are at
 * hand. Random ones where this Node has none of these; they are as good, and dearer to store.
 */
export function createIds(source: IdSource): () => string {
  const { randomUUID, randomUUIDv7 } = source;
  return randomUUIDv7 === undefined ? () => randomUUID() : () => randomUUIDv7();
}

export const newId = createIds(crypto);
