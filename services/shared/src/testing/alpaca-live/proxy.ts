import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocket, WebSocketServer, type RawData } from 'ws';

export interface LiveProxyOptions {
  /** The exchange simulator behind: `http://host:port`. */
  exchange: string;
  /** The live key, which clients have to have, and the key that the exchange knows; of the same length. */
  liveKey: string;
  exchangeKey: string;
  certificate: string;
  key: string;
  host?: string;
  port?: number;
}

/** One request or WebSocket that came in. */
export interface Seen {
  host: string;
  method: string;
  path: string;
}

export interface LiveProxy {
  port: number;
  /** What came in so far, oldest first. */
  seen: Seen[];
  close(): Promise<void>;
}

/** Alpaca's hosts in production, and what each serves. */
const HOSTS: Readonly<Record<string, RegExp>> = {
  'api.alpaca.markets': /^\/(?:v2\/|stream$)/,
  'data.alpaca.markets': /^\/v2\//,
  'stream.data.alpaca.markets': /^\/v2\/[a-z_]+$/,
};
/** The paper host is answered too, with a refusal: what asks there in production has to be seen. */
const PAPER_HOST = 'paper-api.alpaca.markets';
export const STAND_IN_HOSTS: readonly string[] = [...Object.keys(HOSTS), PAPER_HOST];

/**
 * Alpaca's live hosts over TLS, in front of the exchange simulator: it takes the live key and no other, and the account's
 * number is none of a paper account.
 */
export async function startLiveProxy(options: LiveProxyOptions): Promise<LiveProxy> {
  const seen: Seen[] = [];
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const server = createServer({ cert: options.certificate, key: options.key }, (request, response) => {
    const asked = note(seen, request, request.method ?? 'GET');
    if (isServed(asked)) forward(options, request, response);
    else {
      const [status, message] = asked.host === PAPER_HOST ? [403, 'forbidden.'] : [421, 'not a live host of Alpaca'];
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));
    }
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    if (!isServed(note(seen, request, 'WEBSOCKET'))) {
      socket.end('HTTP/1.1 421 Misdirected Request\r\nconnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => relay(options, request, client));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    async close() {
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function note(seen: Seen[], { headers, url = '/' }: IncomingMessage, method: string): Seen {
  const host = (headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  const found = { host, method, path: url.split('?', 1)[0] ?? '/' };
  seen.push(found);
  return found;
}

const isServed = ({ host, path }: Seen): boolean => HOSTS[host]?.test(path) ?? false;

/** The live key becomes the one that the exchange knows. That one itself is no key here, and neither is any other. */
function translated({ exchange, exchangeKey, liveKey }: LiveProxyOptions, headers: OutgoingHttpHeaders) {
  const presented = headers['apca-api-key-id'];
  const key = presented === liveKey ? exchangeKey : 'refused';
  return {
    ...headers,
    host: new URL(exchange).host,
    ...(presented === undefined ? {} : { 'apca-api-key-id': key }),
  };
}

function forward(options: LiveProxyOptions, request: IncomingMessage, response: ServerResponse): void {
  const { method, url } = request;
  const onward = httpRequest(
    `${options.exchange}${url}`,
    { method, headers: translated(options, request.headers) },
    (answer) => {
      if (url !== '/v2/account') {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
        return;
      }
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => void (text += part));
      answer.on('end', () => {
        const { 'content-length': _length, ...headers } = answer.headers;
        response.writeHead(answer.statusCode ?? 502, headers).end(text.replace(/("account_number":")PA/, '$1'));
      });
    },
  );
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}

/** Both ways, frame by frame; keys have one length, so that JSON and msgpack alike can have one put in the other's place. */
function relay(options: LiveProxyOptions, request: IncomingMessage, client: WebSocket): void {
  const headers = translated(options, {
    ...(request.headers['content-type'] === undefined ? {} : { 'content-type': request.headers['content-type'] }),
    ...(request.headers['apca-api-key-id'] === undefined
      ? {}
      : {
          'apca-api-key-id': request.headers['apca-api-key-id'],
          'apca-api-secret-key': request.headers['apca-api-secret-key'],
        }),
  });
  const onward = new WebSocket(`${options.exchange.replace(/^http/, 'ws')}${request.url}`, {
    perMessageDeflate: false,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
  });
  const waiting: [Buffer, boolean][] = [];
  client.on('message', (data, binary) => {
    const bytes = withKey(bytesOf(data), options);
    if (onward.readyState === WebSocket.OPEN) onward.send(bytes, { binary });
    else waiting.push([bytes, binary]);
  });
  onward.on('open', () => {
    for (const [bytes, binary] of waiting.splice(0)) onward.send(bytes, { binary });
  });
  onward.on('message', (data, binary) => {
    if (client.readyState === WebSocket.OPEN) client.send(bytesOf(data), { binary });
  });
  for (const [from, to] of [
    [client, onward],
    [onward, client],
  ] as const) {
    from.on('close', () => to.terminate());
    from.on('error', () => to.terminate());
  }
}

function withKey(bytes: Buffer, { exchangeKey, liveKey }: LiveProxyOptions): Buffer {
  const text = bytes.toString('latin1');
  // What a live host does not know must not open it by being handed on as it is.
  const closed = text.replaceAll(exchangeKey, '*'.repeat(exchangeKey.length));
  return Buffer.from(closed.replaceAll(liveKey, exchangeKey), 'latin1');
}

function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
