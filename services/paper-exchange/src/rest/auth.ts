import { createHash, timingSafeEqual } from 'node:crypto';
import type { Secret } from '@papergate/config';

/** Compares without telling by its time where two texts differ. */
export function sameSecret(presented: string, secret: Secret): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(presented), digest(secret.reveal()));
}
