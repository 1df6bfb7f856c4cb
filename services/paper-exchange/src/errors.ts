import { UserError } from '@papergate/config';

/**
 * Every refusal that a client of the exchange can get, as Alpaca words and numbers it:
 * status, `{"code", "message", …}`. Sources: https://docs.alpaca.markets/docs/orders-at-alpaca,
 * https://docs.alpaca.markets/docs/user-protection and answers quoted in Alpaca's issue trackers.
 */
export class AlpacaError extends Error {
  readonly status: number;
  readonly code: number;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(status: number, code: number, message: string, details: Record<string, unknown> = {}) {
    super(message);
    this.name = 'AlpacaError';
    this.status = status;
    this.code = code;
    this.details = details;
  }

  body(): Record<string, unknown> {
    return { code: this.code, message: this.message, ...this.details };
  }
}

export const refusals = {
  /** The request is not what the endpoint takes. */
  malformed: (message: string) => new AlpacaError(400, 40010000, message),
  /** A field is missing, unknown or out of range. */
  invalid: (message: string) => new AlpacaError(422, 40010001, message),
  /** Well formed, but not allowed for this order or in this state. */
  unprocessable: (message: string) => new AlpacaError(422, 42210000, message),
  unauthorized: () => new AlpacaError(401, 40110000, 'request is not authorized'),
  forbiddenKey: () => new AlpacaError(403, 40310000, 'forbidden.'),
  forbidden: (message: string, details: Record<string, unknown> = {}) =>
    new AlpacaError(403, 40310000, message, details),
  notFound: (message: string) => new AlpacaError(404, 40410000, message),
  rateLimited: () => new AlpacaError(429, 42910000, 'rate limit exceeded'),
  internal: () => new AlpacaError(500, 50010000, 'internal server error occurred'),
} as const;

/** Mistakes of whoever starts the exchange. */
export const mistakes = {
  replayMissing: (path: string, reason: string, cause?: unknown) =>
    new UserError({
      code: 'REPLAY_UNREADABLE',
      message: `replay file ${path} cannot be read: ${reason}`,
      fix: 'name a LEAN tick zip such as 20131007_trade.zip, or a folder that holds such files',
      cause,
    }),
  replayName: (path: string) =>
    new UserError({
      code: 'REPLAY_NAME',
      message: `replay file ${path} has a name that tells no symbol, date and kind; allowed: <symbol>_<yyyymmdd>_<trade|quote>.zip, or <symbol>/<yyyymmdd>_<trade|quote>.zip`,
      fix: 'rename the file after what it holds',
    }),
  replayCorrupt: (path: string, line: number | undefined, reason: string, cause?: unknown) =>
    new UserError({
      code: 'REPLAY_CORRUPT',
      message: `replay file ${path}${line === undefined ? '' : `, line ${line}`}: ${reason}`,
      fix: 'fetch the file anew, or leave it out of the replay',
      cause,
    }),
  replayEmpty: () =>
    new UserError({
      code: 'REPLAY_EMPTY',
      message: 'the exchange is to replay tick files and was given none',
      fix: 'name files or folders in exchange.replay_paths, or with --replay',
    }),
  badTime: (name: string, found: string) =>
    new UserError({
      code: 'REPLAY_TIME',
      message: `${name} is "${found}", allowed: a time of day in New York, HH:MM or HH:MM:SS`,
      fix: `give ${name} as for instance 09:30`,
    }),
  stateInvalid: (path: string, what: string) =>
    new UserError({
      code: 'EXCHANGE_STATE_INVALID',
      message: `the exchange's state ${path} cannot be used: ${what}`,
      fix: 'put back the file or the setting; or remove the file, which empties the simulated account',
    }),
  badFlag: (name: string, found: string, allowed: string) =>
    new UserError({
      code: 'USAGE',
      message: `${name} is "${found}", allowed: ${allowed}`,
      fix: 'run the exchange with --help for its flags',
    }),
  badFault: (message: string) =>
    new UserError({
      code: 'FAULT_INVALID',
      message,
      fix: 'the faults and their keys are listed in the service’s README',
    }),
  badTick: (message: string) =>
    new UserError({
      code: 'TICK_INVALID',
      message,
      fix: 'a tick has a symbol and a price with size, or a bid and an ask with their sizes',
    }),
} as const;
