/** What a client of `WS /stream` may say. */
export type ClientRequest =
  | { action: 'subscribe' | 'unsubscribe'; symbols: string[] }
  | { action: 'ping' }
  | { action: 'invalid'; code: StreamErrorCode; message: string };

export type StreamErrorCode = 'INVALID_MESSAGE' | 'UNKNOWN_ACTION' | 'UNKNOWN_SYMBOL' | 'TOO_LARGE';

export const MAX_MESSAGE_BYTES = 16 * 1024;

const ALL = '*';
const ACTIONS = 'subscribe, unsubscribe, ping';

/**
 * Reads one message. A bad one gives `invalid` with what was found and what is allowed; text that a client
 * sent is only repeated shortened.
 */
export function parseRequest(text: string, isBinary: boolean, knows: (symbol: string) => boolean): ClientRequest {
  if (isBinary) return invalid('INVALID_MESSAGE', 'the message is binary, allowed: text frames with JSON');
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return invalid('INVALID_MESSAGE', `the message is not JSON: ${shorten(text)}`);
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    return invalid('INVALID_MESSAGE', `the message is ${shorten(text)}, allowed: an object with "action"`);
  }
  const { action, symbols } = message as { action?: unknown; symbols?: unknown };
  if (action === 'ping') return { action };
  if (action !== 'subscribe' && action !== 'unsubscribe') {
    return invalid('UNKNOWN_ACTION', `action is ${shorten(JSON.stringify(action) ?? 'missing')}, allowed: ${ACTIONS}`);
  }
  if (!Array.isArray(symbols) || symbols.length === 0 || !symbols.every((symbol) => typeof symbol === 'string')) {
    return invalid(
      'INVALID_MESSAGE',
      `symbols is ${shorten(JSON.stringify(symbols) ?? 'missing')}, allowed: ["AAPL", …] or ["*"]`,
    );
  }
  const unknown = symbols.filter((symbol) => symbol !== ALL && !knows(symbol));
  if (unknown.length > 0) {
    return invalid(
      'UNKNOWN_SYMBOL',
      `no data for ${shorten(unknown.join(', '))}; GET /api/v1/snapshot lists the symbols`,
    );
  }
  return { action, symbols };
}

function invalid(code: StreamErrorCode, message: string): ClientRequest {
  return { action: 'invalid', code, message };
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
