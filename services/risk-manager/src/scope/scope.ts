import type { Logger } from 'pino';
import { messageOf, type Environment } from '@papergate/config';
import { HttpError, type Side } from '@papergate/service-kit';
import type { Recorder } from '../events/recorder.ts';
import type { Exposure } from '../exposure/exposure.ts';
import type { Nanos } from '../units.ts';
import type { ScopeStore, StoredScope, Symbols } from './store.ts';

export interface ScopeOptions {
  /** The commit that runs. */
  release: string;
  environment: Environment;
  /** All that the system configuration trades. */
  symbols: readonly string[];
  store: ScopeStore;
  recorder: Pick<Recorder, 'record'>;
  logger: Pick<Logger, 'info' | 'warn'>;
  /** What may be traded is another than before, narrower or wider. */
  onEffective?: () => void;
  now: () => number;
}

export interface ScopeRequest {
  stage: string;
  symbols: Symbols;
  reason: string;
  setBy: string;
  /** Undefined: it does not expire. */
  ttlSeconds?: number | undefined;
}

/** What `GET /api/v1/scope` answers. */
export interface ScopeView {
  release: string;
  environment: Environment;
  /** `unset` before the first one, `expired` once nobody renews it any more. */
  stage: string;
  symbols: Symbols;
  reason: string;
  set_by: string | null;
  set_at: string | null;
  expires_at: string | null;
  /** What may be traded now. */
  effective: Symbols;
}

export interface OrderInScope {
  symbol: string;
  side: Side;
  quantity: Nanos;
}

export interface ScopeRefusal {
  code: 'OUTSIDE_ROLLOUT';
  message: string;
}

const NOTHING: Symbols = [];
const keyOf = (allowed: ReadonlySet<string> | 'all'): string =>
  allowed === 'all' ? allowed : JSON.stringify([...allowed].toSorted());
const time = (ms: number): string => new Date(ms).toISOString();

/**
 * Which symbols the release that runs may trade: the lever of a roll-out. A release in production begins with none.
 * What takes something away takes effect at once, what gives something takes effect after it was stored; and past its
 * time nothing may be traded, so that nothing stays open that nobody watches.
 */
export class OrderScope {
  readonly #options: ScopeOptions;
  #scope: StoredScope | undefined;
  #known = false;
  /** Asked for and not stored yet, oldest first; one that could not be stored stays until a later one is. */
  #asked: StoredScope[] = [];
  #saving: Promise<void> = Promise.resolve();
  /** Worked out from the above, for the check: it has microseconds. */
  #allowed: ReadonlySet<string> | 'all' = new Set();
  #until = Infinity;
  #expired = false;

  constructor(options: ScopeOptions) {
    this.#options = options;
  }

  get known(): boolean {
    return this.#known;
  }

  async load(): Promise<void> {
    const stored = await this.#options.store.load();
    if (this.#known) return;
    this.#known = true;
    this.#scope = stored;
    this.#work();
    this.tick();
  }

  allows(symbol: string, at: number): boolean {
    if (at >= this.#until) this.#expire();
    return this.#allowed === 'all' || this.#allowed.has(symbol);
  }

  /** Why an order may not go, as far as the roll-out is concerned. What shrinks a position may: also one of an earlier release. */
  refusal(order: OrderInScope, { symbols }: Pick<Exposure, 'symbols'>, at: number): ScopeRefusal | undefined {
    if (this.allows(order.symbol, at) || shrinks(order, symbols.get(order.symbol))) return undefined;
    const { release, stage, effective } = this.#view();
    const words = effective.length === 0 ? 'trades nothing' : `trades ${String(effective)}`;
    return {
      code: 'OUTSIDE_ROLLOUT',
      message: `release ${release.slice(0, 12)} ${words} (roll-out: ${stage}); in ${order.symbol} only orders that shrink a position are allowed`,
    };
  }

  /** Notices that the time is over, also while no order asks. */
  tick(): void {
    if (this.#options.now() >= this.#until) this.#expire();
  }

  /** What may be traded now; null while the stored scope is not known. */
  effective(): Symbols | null {
    if (!this.#known) return null;
    this.tick();
    return this.#allowed === 'all' ? 'all' : [...this.#allowed];
  }

  /** How many symbols may be traded. */
  count(): number {
    this.tick();
    return this.#allowed === 'all' ? this.#options.symbols.length : this.#allowed.size;
  }

  /** @throws HttpError SCOPE_UNKNOWN */
  view(): ScopeView {
    if (!this.#known) throw unknown();
    this.tick();
    return this.#view();
  }

  /** Resolves once it is stored and in force. @throws HttpError SCOPE_UNKNOWN, SCOPE_NOT_STORED */
  async set(request: ScopeRequest): Promise<ScopeView> {
    if (!this.#known) throw unknown();
    const { logger, now } = this.#options;
    const at = now();
    const { ttlSeconds, ...rest } = request;
    const wanted: StoredScope = {
      ...rest,
      setAt: at,
      expiresAt: ttlSeconds === undefined ? null : at + ttlSeconds * 1000,
    };
    this.tick();
    this.#asked.push(wanted);
    this.#work();
    const stored = this.#saving.then(() => this.#store(wanted));
    this.#saving = stored.catch(() => undefined);
    try {
      await stored;
    } catch (cause) {
      logger.warn({ stage: wanted.stage, reason: messageOf(cause) }, 'the order scope cannot be stored');
      throw new HttpError(
        503,
        'SCOPE_NOT_STORED',
        `the database did not confirm the order scope "${wanted.stage}": until one is stored only what both it and the one before allow may be traded`,
        { fix: 'set it again once the database answers', headers: { 'retry-after': '1' }, cause },
      );
    }
    return this.view();
  }

  async #store(wanted: StoredScope): Promise<void> {
    const { logger, store } = this.#options;
    // Only where nothing came in between, stored or not: whether what failed was stored after all nobody knows.
    const renewed = !this.#expired && this.#asked[0] === wanted && sameScope(this.#scope, wanted);
    if (renewed) wanted.setAt = this.#scope?.setAt ?? wanted.setAt;
    await store.save(wanted, !renewed);
    this.#scope = wanted;
    this.#asked = this.#asked.slice(this.#asked.indexOf(wanted) + 1);
    this.#expired = false;
    this.#work();
    if (!renewed) {
      const { stage, symbols, setBy, reason, expiresAt } = wanted;
      logger.info({ stage, symbols, set_by: setBy, reason, expires_at: expiresAt }, 'order scope set');
    }
  }

  /** What the stored scope and all that are under way allow together. */
  #work(): void {
    if (this.#expired) return;
    const { environment } = this.#options;
    const base = this.#scope?.symbols ?? (environment === 'production' ? NOTHING : 'all');
    const all = [base, ...this.#asked.map(({ symbols }) => symbols)];
    const before = keyOf(this.#allowed);
    this.#allowed = all.reduce<ReadonlySet<string> | 'all'>((sum, symbols) => {
      if (symbols === 'all') return sum;
      return new Set(sum === 'all' ? symbols : symbols.filter((symbol) => sum.has(symbol)));
    }, 'all');
    this.#until = Math.min(...[this.#scope, ...this.#asked].map((scope) => scope?.expiresAt ?? Infinity));
    if (keyOf(this.#allowed) !== before) this.#options.onEffective?.();
  }

  #expire(): void {
    const { logger, recorder, release } = this.#options;
    const stage = this.#scope?.stage ?? 'unset';
    this.#allowed = new Set();
    this.#until = Infinity;
    this.#expired = true;
    const message = `nobody renewed the order scope "${stage}" of release ${release.slice(0, 12)}: it trades nothing until another one is set`;
    logger.warn({ stage }, message);
    recorder.record({ kind: 'warning', code: 'SCOPE_EXPIRED', message });
    this.#options.onEffective?.();
  }

  #view(): ScopeView {
    const { environment, release, symbols } = this.#options;
    const allowed = this.#allowed;
    const scope = this.#scope;
    const effective = allowed === 'all' ? allowed : symbols.filter((symbol) => allowed.has(symbol));
    if (scope === undefined) {
      return {
        release,
        environment,
        stage: this.#expired ? 'expired' : 'unset',
        symbols: environment === 'production' ? NOTHING : 'all',
        reason: 'none has been set for this release',
        set_by: null,
        set_at: null,
        expires_at: null,
        effective,
      };
    }
    return {
      release,
      environment,
      stage: this.#expired ? 'expired' : scope.stage,
      symbols: scope.symbols,
      reason: scope.reason,
      set_by: scope.setBy,
      set_at: time(scope.setAt),
      expires_at: scope.expiresAt === null ? null : time(scope.expiresAt),
      effective,
    };
  }
}

/** It takes from the position and cannot turn it, even when every other open order on its side is filled first. */
function shrinks(
  { side, quantity }: OrderInScope,
  position: { quantity: Nanos; buys: Nanos; sells: Nanos } | undefined,
): boolean {
  if (position === undefined) return false;
  if (side === 'sell') return position.quantity > 0n && position.sells + quantity <= position.quantity;
  return position.quantity < 0n && position.buys + quantity <= -position.quantity;
}

function sameScope(a: StoredScope | undefined, b: StoredScope): boolean {
  const key = ({ stage, symbols, reason, setBy, expiresAt }: StoredScope): string =>
    JSON.stringify([stage, symbols === 'all' ? symbols : symbols.toSorted(), reason, setBy, expiresAt === null]);
  return a !== undefined && key(a) === key(b);
}

const unknown = (): HttpError =>
  new HttpError(503, 'SCOPE_UNKNOWN', 'the stored order scope is not known yet', { headers: { 'retry-after': '1' } });
