/** What a client was told of an order, at last. */
export interface Told {
  outcome: 'acknowledged' | 'refused' | 'unanswered';
  /** Of an acknowledgement. */
  orderId?: string;
}

/** One line of the exchange's ledger, reduced to what is judged. */
export interface LedgerLine {
  seq: number;
  kind: string;
  client_order_id: string | null;
  symbol?: string;
  side?: string;
  qty?: string | null;
  status?: string;
  execution_id?: string;
  order_status?: string;
}

export interface OrderLine {
  order_id: string;
  client_order_id: string;
  status: string;
  quantity: string;
  filled_quantity: string;
  reject_code: string | null;
  reject_reason: string | null;
}

export interface TradeLine {
  client_order_id: string;
  execution_id: string;
  quantity: string;
}

/** Everything that is held against each other after a run. Amounts are decimal text. */
export interface Books {
  told: ReadonlyMap<string, Told>;
  ledger: readonly LedgerLine[];
  orders: readonly OrderLine[];
  trades: readonly TradeLine[];
  /** Shares by symbol, signed; what is flat is left out. */
  positions: { ours: ReadonlyMap<string, string>; exchange: ReadonlyMap<string, string> };
  /** USD. */
  cash: { ours: string | undefined; exchange: string };
  /** What the engine itself found wrong during the run: corrections by reconciliation, refused transitions, over-fills. */
  alarms: readonly { code: string; message: string }[];
}

export const VERDICTS = [
  'lost',
  'duplicated',
  'phantom',
  'wrong position',
  'unsettled',
  'alarm',
  'stale writer',
] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Finding {
  verdict: Verdict;
  message: string;
}

const FINAL = new Set(['filled', 'canceled', 'expired', 'rejected', 'replaced']);

/** Nine decimals are the smallest share; as whole numbers they are exact. */
export function nanos(text: string): bigint {
  const [whole = '0', fraction = ''] = text.replace(/^-/, '').split('.');
  const value = BigInt(whole) * 1_000_000_000n + BigInt(`${fraction}000000000`.slice(0, 9));
  return text.startsWith('-') ? -value : value;
}

/** Holds the exchange's ledger, the database and what clients were told against each other; nothing found is an empty list. */
export function judge(books: Books): Finding[] {
  const alarms = books.alarms.map(({ code, message }): Finding => ({
    verdict: 'alarm',
    message: `${code}: ${message}`,
  }));
  return [...judgeOrders(books), ...judgeFills(books), ...judgeAccount(books), ...alarms];
}

function judgeOrders({ told, ledger, orders }: Books): Finding[] {
  const found: Finding[] = [];
  const say = (verdict: Verdict, message: string): void => void found.push({ verdict, message });
  const rows = new Map(orders.map((order) => [order.client_order_id, order]));
  const placed = count(ledger.filter(({ kind }) => kind === 'order'));
  const refused = new Set(ledger.filter(({ kind }) => kind === 'refusal').map((line) => line.client_order_id));
  const last = lastStatuses(ledger);

  for (const [id, { outcome, orderId }] of told) {
    const row = rows.get(id);
    if (outcome === 'acknowledged' && row === undefined)
      say('lost', `${id} was acknowledged and is not in the database`);
    else if (outcome === 'acknowledged' && row?.order_id !== orderId)
      say(
        'duplicated',
        `${id} was acknowledged as ${orderId ?? 'nothing'} and is ${row?.order_id ?? 'nothing'} in the database`,
      );
    else if (outcome === 'refused' && row !== undefined)
      say('phantom', `${id} was refused and is in the database as ${row.status}`);
  }
  for (const [id, times] of placed) {
    if (times > 1) say('duplicated', `the exchange took ${id} ${times} times`);
    if (!rows.has(id)) say('phantom', `the exchange has ${id}, and the database does not`);
  }
  for (const [id, row] of rows) {
    if (!FINAL.has(row.status)) say('unsettled', `${id} is still ${row.status}`);
    else if (!placed.has(id) && !endedForAReason(row, refused.has(id)))
      say(
        'lost',
        `${id} is ${row.status} (${row.reject_code ?? ''} ${row.reject_reason ?? ''}) and never reached the exchange`,
      );
    const there = last.get(id);
    if (there !== undefined && there !== row.status)
      say(
        FINAL.has(there) ? 'phantom' : 'unsettled',
        `${id} is ${row.status} in the database and ${there} at the exchange`,
      );
  }
  return found;
}

/** Ended without the exchange ever having had it: only with a cause that somebody was told of. */
function endedForAReason(row: OrderLine, refusedThere: boolean): boolean {
  if (row.status === 'rejected') return refusedThere;
  return (
    row.status === 'canceled' &&
    (row.reject_code === 'TRADING_HALTED' || row.reject_reason === 'canceled before it was sent')
  );
}

function judgeFills({ ledger, orders, trades }: Books): Finding[] {
  const found: Finding[] = [];
  const there = sums(
    ledger.filter(({ kind }) => kind === 'fill').map((line) => [line.client_order_id ?? '', line.qty ?? '0']),
  );
  const here = sums(trades.map((trade) => [trade.client_order_id, trade.quantity]));
  const wanted = new Map(orders.map((order) => [order.client_order_id, order]));
  for (const id of new Set([...there.keys(), ...here.keys()])) {
    const [exchange, ours] = [there.get(id) ?? 0n, here.get(id) ?? 0n];
    const row = wanted.get(id);
    if (exchange > ours)
      found.push({
        verdict: 'lost',
        message: `of ${id} the exchange filled ${exchange}, booked are ${ours} (billionths)`,
      });
    if (exchange < ours)
      found.push({
        verdict: exchange === 0n ? 'phantom' : 'duplicated',
        message: `of ${id} the exchange filled ${exchange}, booked are ${ours} (billionths)`,
      });
    if (row !== undefined && nanos(row.quantity) < exchange)
      found.push({
        verdict: 'duplicated',
        message: `of ${id} the exchange filled ${exchange}, ordered were ${nanos(row.quantity)} (billionths)`,
      });
    if (row !== undefined && nanos(row.filled_quantity) !== ours)
      found.push({
        verdict: 'wrong position',
        message: `${id} says ${row.filled_quantity} filled, its trades ${ours} (billionths)`,
      });
  }
  return found;
}

function judgeAccount({ positions, cash }: Books): Finding[] {
  const found: Finding[] = [];
  for (const symbol of new Set([...positions.ours.keys(), ...positions.exchange.keys()])) {
    const [ours, exchange] = [positions.ours.get(symbol) ?? '0', positions.exchange.get(symbol) ?? '0'];
    if (nanos(ours) === nanos(exchange)) continue;
    found.push({ verdict: 'wrong position', message: `${symbol}: ${ours} here, ${exchange} at the exchange` });
  }
  const difference = nanos(cash.ours ?? '0') - nanos(cash.exchange);
  if (cash.ours === undefined || difference > CENT || difference < -CENT)
    found.push({
      verdict: 'wrong position',
      message: `cash: ${cash.ours ?? 'none'} here, ${cash.exchange} at the exchange`,
    });
  return found;
}

const CENT = 10_000_000n;

function count(lines: readonly LedgerLine[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { client_order_id: id } of lines) if (id !== null) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

function lastStatuses(ledger: readonly LedgerLine[]): Map<string, string> {
  const last = new Map<string, string>();
  for (const { kind, client_order_id: id, status, order_status: after } of ledger) {
    if (id === null || (kind !== 'event' && kind !== 'fill')) continue;
    const shown = kind === 'fill' ? after : status;
    if (shown !== undefined) last.set(id, shown);
  }
  return last;
}

function sums(pairs: readonly (readonly [string, string])[]): Map<string, bigint> {
  const total = new Map<string, bigint>();
  for (const [id, text] of pairs) total.set(id, (total.get(id) ?? 0n) + nanos(text));
  return total;
}
