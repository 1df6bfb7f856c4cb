import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Account } from '../account/account.ts';
import type { AccountIdentity } from '../account/views.ts';
import type { Ledger, LedgerEntry } from '../ledger/ledger.ts';
import { mistakes } from '../errors.ts';
import { isClosed, type Order } from '../orders/model.ts';
import type { OrderStore } from '../orders/store.ts';
import { parseScaled } from '../units/amounts.ts';
import { changedRecord, restoreOrders, wholeRecord, type OrderRecord } from './records.ts';

/** What is kept over a restart. The market is not: it goes on by itself. */
export interface Kept {
  account: Account;
  identity: AccountIdentity;
  ledger: Ledger;
  store: OrderStore;
  settings: Record<string, unknown>;
}

/** First line: the state at which the file begins. */
interface Head {
  v: 1;
  identity: AccountIdentity;
  settings: Record<string, unknown>;
  cash: string;
  realized: string;
  starting_cash: string;
  positions: { symbol: string; qty: string; cost: string }[];
  /** Number of the last ledger entry that is not in the file any more. */
  base: number;
}

/** Every other line: a ledger entry, with the order as it is after it; `past` ones are in the head's sums already. */
interface Line {
  l?: LedgerEntry;
  o?: OrderRecord;
  settings?: Record<string, unknown>;
  past?: true;
}

/** Closed orders and ledger entries that a compaction keeps. */
const KEPT_ORDERS = 20_000;
const KEPT_ENTRIES = 50_000;
/** The file is compacted when it has grown by this much, bytes. */
const GROWTH = 48 * 1024 * 1024;

/**
 * The exchange's memory on disk: an append-only file of lines. A change is in it, with one write for the whole of
 * what an order or a tick brought about, before anybody is told. It survives the death of the process at any moment;
 * it is not synced, so the death of the machine may cost the last moments: nobody's money is in it.
 */
export class StateFile {
  readonly #path: string;
  readonly #kept: Kept;
  #file: number;
  #buffer = '';
  #grown = 0;

  private constructor(path: string, kept: Kept, file: number) {
    this.#path = path;
    this.#kept = kept;
    this.#file = file;
  }

  /**
   * Reads what an earlier process left in the folder into `kept`, and goes on from there.
   * @returns the file and the orders that were open
   * @throws UserError EXCHANGE_STATE_INVALID where the file is damaged: a line in its middle cannot be read
   */
  static open(dir: string, kept: Kept): { state: StateFile; open: Order[] } {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const path = join(dir, 'exchange.jsonl');
    const open = existsSync(path) ? restore(path, kept) : [];
    const state = new StateFile(path, kept, -1);
    state.compact();
    return { state, open };
  }

  entry(entry: LedgerEntry, order: Order | undefined): void {
    const line: Line = { l: entry };
    if (order !== undefined) line.o = entry.kind === 'order' ? wholeRecord(order) : changedRecord(order);
    this.#add(line);
  }

  /** An order that changed without an entry of the ledger: it has other relatives now. */
  order(order: Order): void {
    this.#add({ o: changedRecord(order) });
  }

  settings(settings: Record<string, unknown>): void {
    this.#add({ settings });
  }

  #add(line: Line): void {
    this.#buffer += `${JSON.stringify(line)}\n`;
  }

  /** Writes what was added since the last call. */
  flush(): void {
    if (this.#buffer === '') return;
    const bytes = Buffer.from(this.#buffer);
    this.#buffer = '';
    this.#write(bytes);
    this.#grown += bytes.length;
    if (this.#grown > GROWTH) this.compact();
  }

  #write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at);
  }

  /** Begins the file anew with the present state: the newest orders and entries, all open orders, the sums of the rest. */
  compact(): void {
    const { account, identity, settings, ledger, store } = this.#kept;
    const all = [...store.all()];
    const closed = all.filter(({ status }) => isClosed(status));
    const forgotten = new Set(closed.slice(0, Math.max(0, closed.length - KEPT_ORDERS)));
    // Whatever has an open relative stays, or the group could not be put together again.
    for (const order of all) {
      if (!isClosed(order.status)) for (const kin of [order.parent, ...order.legs]) if (kin) forgotten.delete(kin);
    }
    const base = Math.max(0, ledger.size - KEPT_ENTRIES);
    const head: Head = {
      v: 1,
      identity,
      settings,
      cash: String(account.cash),
      realized: String(account.realized),
      starting_cash: String(account.startingCash),
      positions: [...account.positions.values()].map(({ symbol, qty, cost }) => ({
        symbol,
        qty: String(qty),
        cost: String(cost),
      })),
      base: Math.max(base, ledger.base),
    };
    const lines: (Head | Line)[] = [head];
    for (const order of all) if (!forgotten.has(order)) lines.push({ o: wholeRecord(order) });
    for (const entry of ledger.read(head.base, Infinity)) lines.push({ l: entry, past: true });

    const unfinished = `${this.#path}.new`;
    rmSync(unfinished, { force: true });
    const file = openSync(unfinished, 'ax', 0o600);
    const before = this.#file;
    this.#file = file;
    for (let at = 0; at < lines.length; at += 1000) {
      const text = lines.slice(at, at + 1000).map((line) => `${JSON.stringify(line)}\n`);
      this.#write(Buffer.from(text.join('')));
    }
    renameSync(unfinished, this.#path);
    if (before >= 0) closeSync(before);
    this.#grown = 0;
    this.#buffer = '';
  }

  close(): void {
    if (this.#file < 0) return;
    this.flush();
    closeSync(this.#file);
    this.#file = -1;
  }
}

function restore(path: string, { account, identity, settings, ledger, store }: Kept): Order[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  // A write that a kill cut off was told to nobody: only whole lines count, and only the last may be broken.
  lines.pop();
  const damaged = (what: string): never => {
    throw mistakes.stateInvalid(path, what);
  };
  const head = (parse(lines[0]) as Head | undefined) ?? damaged('its first line cannot be read');
  if (head.v !== 1) damaged('it is of another version');
  if (BigInt(head.starting_cash) !== account.startingCash) {
    damaged(`it began with another starting cash than the configuration's`);
  }
  Object.assign(identity, head.identity);
  Object.assign(settings, head.settings);
  account.restore({
    cash: BigInt(head.cash),
    realized: BigInt(head.realized),
    positions: head.positions.map(({ symbol, qty, cost }) => ({ symbol, qty: BigInt(qty), cost: BigInt(cost) })),
  });

  const records = new Map<string, OrderRecord>();
  const entries: LedgerEntry[] = [];
  for (const [at, text] of lines.entries()) {
    if (at === 0) continue;
    const line = (parse(text) as Line | undefined) ?? damaged(`line ${at + 1} cannot be read`);
    if (line.settings !== undefined) Object.assign(settings, line.settings);
    if (line.o !== undefined) records.set(line.o.id, { ...records.get(line.o.id), ...line.o });
    if (line.l === undefined) continue;
    entries.push(line.l);
    if (line.l.kind === 'fill' && line.past !== true) {
      const { symbol, side, price, qty, cash } = line.l;
      const booked = account.book(
        symbol,
        side as Order['side'],
        Number(parseScaled(price, 6)),
        parseScaled(qty, 9) ?? 0n,
      );
      if (booked.cash !== parseScaled(cash, 15)) damaged(`line ${at + 1}: its cash is not what the fills amount to`);
    }
  }
  ledger.restore(entries, head.base);
  return restoreOrders(records.values(), store);
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
