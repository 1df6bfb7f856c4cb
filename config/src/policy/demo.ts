import { randomInt } from 'node:crypto';
import { Secret } from '../secret.ts';
import { isPlaceholder } from './keys.ts';

const KEY_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const SECRET_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

export interface DemoCredentials {
  key: Secret;
  secret: Secret;
}

/**
 * A paper key and secret that are valid in form and belong to nobody: for the simulator, in development.
 * `random` gives numbers in [0, 1), as Math.random does; without it the system's own randomness is taken.
 */
export function demoPaperCredentials(random: () => number = () => randomInt(2 ** 32) / 2 ** 32): DemoCredentials {
  const draw = (characters: string, length: number): string =>
    Array.from({ length }, () => characters[Math.floor(random() * characters.length)] ?? 'A').join('');
  for (let attempt = 0; attempt < 100; attempt++) {
    const key = `PK${draw(KEY_CHARACTERS, 18)}`;
    const secret = draw(SECRET_CHARACTERS, 40);
    if (!isPlaceholder(key) && !isPlaceholder(secret)) return { key: new Secret(key), secret: new Secret(secret) };
  }
  throw new Error('the source of randomness gives the same again and again');
}
