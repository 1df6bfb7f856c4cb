import { isFinal } from '../life/states.ts';

/** How far along an order is where two reports of the same moment disagree. */
const RANK: Readonly<Record<string, number>> = {
  accepted: 0,
  sending: 0,
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
