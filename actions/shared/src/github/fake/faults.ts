/** What goes wrong with a request. */
export type FaultKind =
  /** Answers with `status` and GitHub's error body, without doing anything. */
  | 'status'
  /** 403 with `x-ratelimit-remaining: 0`. */
  | 'rate-limited'
  /** 403 with the words and `Retry-After` of a secondary limit. */
  | 'secondary-limit'
  /** 403 as an organization with single sign-on says it. */
  | 'single-sign-on'
  /** 200 and JSON that breaks off. */
  | 'malformed'
  /** 200 and JSON of another shape. */
  | 'wrong-shape'
  /** 502 and a page of HTML, as a proxy sends it. */
  | 'html'
  /** Does it, then cuts the connection: the answer is lost. */
  | 'answer-lost'
  /** Cuts the connection and does nothing. */
  | 'cut'
  /** Cuts the connection in the middle of the answer. */
  | 'half'
  /** Does not answer before it is closed. */
  | 'silent';

export interface Fault {
  kind: FaultKind;
  /** Of which requests: `POST /repos/{owner}/{repo}/deployments`; undefined: of all. */
  route?: string;
  /** So many requests are let through before. Default: 0. */
  after?: number;
  /** Then so many go wrong. Default: 1. */
  times?: number;
  /** For `status`. Default: 500. */
  status?: number;
  /** For `secondary-limit` and `status`: s. */
  retryAfter?: number;
}

export interface Faults {
  add(fault: Fault): void;
  /** The one that this request meets. */
  next(route: string): Fault | undefined;
}

export function makeFaults(given: readonly Fault[] = []): Faults {
  const open: { fault: Fault; after: number; times: number }[] = [];
  const add = (fault: Fault): void => {
    open.push({ fault, after: fault.after ?? 0, times: fault.times ?? 1 });
  };
  given.forEach(add);
  return {
    add,
    next(route) {
      for (const one of open) {
        if (one.times === 0 || (one.fault.route ?? route) !== route) continue;
        if (one.after > 0) {
          one.after--;
          continue;
        }
        one.times--;
        return one.fault;
      }
      return undefined;
    },
  };
}
