import type { EnvSource } from '@papergate/config';
import { redact } from '../../supervisor/redact.ts';
import type { InputSchema } from '../inputs/kinds.ts';
import { inputVariable } from '../inputs/read.ts';
import { secretParts } from './parts.ts';

/** Secrets that a job's environment holds under names that say so. */
const NAMED =
  /(?:^|_)(?:TOKEN|SECRET|SECRET_KEY|API_SECRET|API_KEY|API_KEY_ID|PASSWORD|PASSWD|PASSPHRASE|(?:PRIVATE|ACCESS|SSH|SIGN|SIGNING|DEPLOY|ENCRYPTION)_KEY|CREDENTIALS|DATABASE_URL|DSN)$/i;
const SHORTEST_BY_NAME = 8;

/** The secrets of a job: what is masked in its log, and what every text that leaves the action is cleaned of. */
export class Masks {
  readonly #parts = new Set<string>();
  #sorted: readonly string[] = [];
  readonly #mask: (part: string) => void;

  /** @param mask tells the runner, as `core.setSecret` does; called with single lines only */
  constructor(mask: (part: string) => void) {
    this.#mask = mask;
  }

  /** Masks a secret with everything in it that would give it away. */
  add(secret: string): void {
    for (const part of secretParts(secret)) {
      if (this.#parts.has(part)) continue;
      this.#parts.add(part);
      // The runner takes lines apart only since some version of it: each line was added on its own.
      if (!/[\r\n]/.test(part)) this.#mask(part);
    }
    this.#sorted = [...this.#parts].toSorted((a, b) => b.length - a.length);
  }

  /** Text without any of the secrets, nor of what looks like one. */
  clean(text: string): string {
    return redact(text, this.#sorted);
  }

  /** Whether a text holds one of the secrets. */
  holds(text: string): boolean {
    return this.#sorted.some((part) => text.includes(part));
  }
}

/**
 * The first thing that happens in an action: whatever is a secret by its input's kind, or by its variable's name, is
 * masked before anything is parsed, printed or done with it. Values of `${{ toJSON(secrets) }}` are masked even where
 * that is broken JSON: then all of its lines are.
 */
export function maskSecrets(masks: Masks, schema: InputSchema, env: EnvSource): void {
  for (const [name, { kind }] of Object.entries(schema)) {
    const raw = env[inputVariable(name)];
    if (raw !== undefined && (kind === 'secret' || kind === 'secrets')) masks.add(raw);
  }
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || value.length < SHORTEST_BY_NAME) continue;
    if (NAMED.test(name)) masks.add(value);
  }
}
