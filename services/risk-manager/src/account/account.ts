import { attos, type Attos } from '../units.ts';
import type { AccountStanding } from './funds.ts';

/** What `GET /account` of execution-engine says, of which risk looks at these. */
export interface AccountAnswer {
  equity: Attos;
  /** Undefined where the engine told no buying power. */
  standing: AccountStanding | undefined;
}

/** Throws where there is no equity, or where an amount is no decimal text. */
export function readAccount(status: number, body: unknown): AccountAnswer {
  const account = (body ?? {}) as Record<string, unknown>;
  const { equity, buying_power: buyingPower } = account;
  if (status !== 200 || typeof equity !== 'string') {
    throw new Error(`execution-engine answered ${status} without an equity`);
  }
  return {
    equity: attos(equity),
    standing:
      typeof buyingPower === 'string'
        ? {
            buyingPower: attos(buyingPower),
            // An engine that does not tell leaves it to the broker, which refuses what it does not allow.
            shorting: account['shorting_enabled'] !== false,
            blocked: account['trading_blocked'] === true,
          }
        : undefined,
  };
}
