import { messageOf } from '@papergate/config';
import type { Requester, RiskOrder, RiskState, RiskVerdict, RiskVerdicts, TradingState } from '@papergate/service-kit';

const STATES: readonly unknown[] = ['ACTIVE', 'REDUCING', 'HALTED'];

export interface KnownTradingState {
  state: TradingState;
  /** risk-manager itself said so, lately; a state that cannot be learned counts as HALTED. */
  known: boolean;
  reason: string;
  /** What may be traded; in others only orders that shrink a position. Null while risk-manager does not know it. */
  symbols: 'all' | ReadonlySet<string> | null;
  /** risk-manager knows the account's equity, without which percent limits refuse everything. */
  equityKnown: boolean;
}

export interface RiskClient {
  check(order: RiskOrder): Promise<RiskVerdict>;
  /** Gives a reservation back; a lost message is mended by risk-manager's own comparison with the database. */
  release(clientOrderId: string): void;
  current(): KnownTradingState;
  /** risk-manager tells of a change by itself. What it is asked later outweighs it. */
  tell(state: TradingState, reason: string): void;
  /** The same of what may be traded. */
  tellScope(symbols: 'all' | readonly string[]): void;
  /** Asks for the state until closed. */
  start(): void;
  close(): Promise<void>;
}

export interface RiskClientOptions {
  requester: Requester;
  intervalMs: number;
  /** An answer older than this is none. */
  maxAgeMs: number;
  onState?: (state: KnownTradingState) => void;
  now: () => number;
}

type Answer = RiskVerdict | { error: string };

interface Question {
  order: RiskOrder;
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}

/** risk-manager as the engine sees it: verdicts on orders, and the trading state. */
export function createRiskClient(options: RiskClientOptions): RiskClient {
  const { requester, now } = options;
  let last: (Omit<KnownTradingState, 'known'> & { at: number }) | undefined;
  let failure = 'risk-manager has not answered yet';
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  /** How many orders risk-manager takes in one question; 1 until it says more, as a release that cannot never does. */
  let atOnce = 1;
  const asked: Question[] = [];
  let underWay = 0;
  /** An answer to a question that was asked before a change was told of may be of before the change. */
  let told = 0;

  function current(): KnownTradingState {
    if (last === undefined || now() - last.at > options.maxAgeMs) {
      return { state: 'HALTED', known: false, reason: failure, symbols: null, equityKnown: false };
    }
    const { state, reason, symbols, equityKnown } = last;
    return { state, known: true, reason, symbols, equityKnown };
  }

  async function ask(): Promise<void> {
    const before = told;
    try {
      const answer = (await requester.request({ type: 'state' })) as Partial<RiskState> & {
        equity?: string | null;
        error?: string;
      };
      atOnce = typeof answer.checks === 'number' && answer.checks >= 1 ? Math.floor(answer.checks) : 1;
      if (told !== before) return again();
      if (!STATES.includes(answer.state)) failure = answer.error ?? 'risk-manager answered without a trading state';
      else {
        last = {
          state: answer.state as TradingState,
          reason: answer.reason ?? '',
          // A release that knows of no scope checks against none.
          symbols: answer.symbols === undefined ? 'all' : asSet(answer.symbols),
          equityKnown: typeof answer.equity === 'string',
          at: now(),
        };
      }
    } catch (error) {
      failure = messageOf(error);
      last = undefined;
    }
    options.onState?.(current());
    again();
  }

  function again(): void {
    if (!closed) timer = setTimeout(() => void ask(), options.intervalMs);
  }

  async function askOne({ order, resolve, reject }: Question): Promise<void> {
    try {
      resolve((await requester.request({ type: 'check', order })) as Answer);
    } catch (error) {
      reject(error);
    }
  }

  async function askAll(questions: Question[]): Promise<void> {
    if (questions.length === 1) return void (await Promise.all(questions.map(askOne)));
    const body = { type: 'checks', orders: questions.map(({ order }) => order) };
    try {
      const { verdicts } = (await requester.request(body)) as Partial<RiskVerdicts>;
      if (verdicts?.length === questions.length) {
        for (const [index, { resolve }] of questions.entries()) resolve(verdicts[index] as Answer);
        return;
      }
    } catch (error) {
      for (const { reject } of questions) reject(error);
      // What has waited meanwhile would only wait for the same silence once more.
      for (const { reject } of asked.splice(0)) reject(error);
      return;
    }
    // An older risk-manager has taken the place of the one that said it could.
    atOnce = 1;
    await Promise.all(questions.map(askOne));
  }

  function flush(): void {
    while (asked.length > 0 && (atOnce === 1 || underWay === 0)) {
      underWay += 1;
      void askAll(asked.splice(0, atOnce)).finally(() => {
        underWay -= 1;
        flush();
      });
    }
  }

  /** What one turn of the event loop brings, and what comes while a question is under way, goes into one question. */
  function put(order: RiskOrder): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (asked.length === 0) setImmediate(flush);
      asked.push({ order, resolve, reject });
    });
  }

  return {
    async check(order) {
      const before = told;
      const answer = await put(order);
      if ('error' in answer) throw new Error(answer.error);
      if (last !== undefined && told === before && STATES.includes(answer.state)) last.state = answer.state;
      return answer;
    },
    release(clientOrderId) {
      requester.request({ type: 'release', client_order_id: clientOrderId }).catch(() => undefined);
    },
    current,
    tell(state, reason) {
      told += 1;
      // What nobody has said yet holds everything up until the next answer.
      last = { state, reason, symbols: last?.symbols ?? null, equityKnown: last?.equityKnown ?? false, at: now() };
      options.onState?.(current());
    },
    tellScope(symbols) {
      told += 1;
      if (last !== undefined) last.symbols = asSet(symbols);
      options.onState?.(current());
    },
    start: () => void ask(),
    async close() {
      closed = true;
      clearTimeout(timer);
      await requester.close();
    },
  };
}

const asSet = (symbols: 'all' | readonly string[] | null): KnownTradingState['symbols'] =>
  symbols === null || symbols === 'all' ? symbols : new Set(symbols);
