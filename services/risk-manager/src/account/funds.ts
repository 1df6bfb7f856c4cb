import type { Attos } from '../units.ts';

/** The account as the broker shows it. */
export interface AccountStanding {
  buyingPower: Attos;
  /** Whether it may sell short at all. */
  shorting: boolean;
  /** Whether the broker takes no orders of it. */
  blocked: boolean;
}

interface Claim {
  cost: Attos;
  /** ms since 1970 from when on the broker's own figure has it: it knows the order, or the order was filled. */
  told: number | undefined;
}

/**
 * What may still be spent: the broker's buying power, less what orders claim that it did not know of when it gave
 * that figure. A claim is counted here until an answer that is surely later than the broker's knowledge of the
 * order, so for a moment it may be counted twice, and never not at all.
 */
export class Funds {
  standing: AccountStanding | undefined;
  readonly #claims = new Map<string, Claim>();
  #claimed: Attos = 0n;

  /** The sum of what the broker's figure may not have yet. */
  get claimed(): Attos {
    return this.#claimed;
  }

  /** What an order that was let through may cost. */
  claim(clientOrderId: string, cost: Attos): void {
    this.drop(clientOrderId);
    if (cost === 0n) return;
    this.#claims.set(clientOrderId, { cost, told: undefined });
    this.#claimed += cost;
  }

  /** The broker has the order, or has filled it, since this moment at the latest. */
  tell(clientOrderId: string, at: number): void {
    const claim = this.#claims.get(clientOrderId);
    if (claim !== undefined) claim.told ??= at;
  }

  /** The order never went out, or ended without a fill: it costs nothing. */
  drop(clientOrderId: string): void {
    const claim = this.#claims.get(clientOrderId);
    if (claim === undefined) return;
    this.#claims.delete(clientOrderId);
    this.#claimed -= claim.cost;
  }

  /** The broker's account as it was at `asOf` (ms since 1970) or later. */
  observe(standing: AccountStanding, asOf: number): void {
    this.standing = standing;
    for (const [clientOrderId, { told }] of this.#claims) {
      if (told !== undefined && told < asOf) this.drop(clientOrderId);
    }
  }

  /** Every claim but those of orders that are open is told: messages about them were lost. */
  tellAllBut(open: { has(clientOrderId: string): boolean }, at: number): void {
    for (const [clientOrderId, claim] of this.#claims) if (!open.has(clientOrderId)) claim.told ??= at;
  }
}
