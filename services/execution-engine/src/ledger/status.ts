/**
 * An order's status: `accepted` (durable here, not yet at the broker), `unknown` (sent, the answer was lost),
 * then Alpaca's own words. Source: Alpaca, "Order lifecycle".
 */
const FINAL = new Set(['filled', 'canceled', 'expired', 'rejected', 'replaced']);

/** No further execution can come, in the broker's eyes. The same list stands in the index `orders_open`. */
export function isFinal(status: string): boolean {
  return FINAL.has(status);
}

export const FINAL_STATUSES: readonly string[] = [...FINAL];

/** How far along an order is where two reports of the same moment disagree. */
const RANK: Readonly<Record<string, number>> = {
  accepted: 0,
  unknown: 0,
  pending_new: 1,
  accepted_for_bidding: 1,
  held: 1,
  new: 2,
  suspended: 2,
  stopped: 2,
  calculated: 2,
  done_for_day: 3,
  partially_filled: 3,
  pending_cancel: 4,
  pending_replace: 4,
};

export interface StatusReport {
  status: string;
  /** ms since 1970, the broker's clock. */
  at: number;
}

/**
 * Whether a report replaces what is known. Reports come twice and out of order: a final status is never left,
 * `filled` corrects another final one (a fill that crossed a cancel), and otherwise the later report wins.
 */
export function supersedes(report: StatusReport, known: StatusReport): boolean {
  if (isFinal(known.status)) return report.status === 'filled' && known.status !== 'filled';
  if (isFinal(report.status)) return true;
  if (report.at !== known.at) return report.at > known.at;
  return (RANK[report.status] ?? 1) > (RANK[known.status] ?? 1);
}
