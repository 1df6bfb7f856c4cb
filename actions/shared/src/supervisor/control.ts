import { createHash } from 'node:crypto';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '@papergate/config';
import type { StagingStatus, SupervisorEvent } from './status.ts';

/** Longest path of a unix socket that all systems take, with a byte for the end. */
const LONGEST = 100;

/** Where the supervisor of a state folder listens: in the folder, or, where its path is too long, in the temp folder. */
export function controlPath(home: string): string {
  const inside = join(home, 'control.sock');
  if (Buffer.byteLength(inside) <= LONGEST) return inside;
  return join(tmpdir(), `papergate-${createHash('sha256').update(home).digest('hex').slice(0, 16)}.sock`);
}

export interface ControlHandlers {
  status(): StagingStatus;
  stop(reason: string, hurry: boolean): void;
  /** A step of moving the staging from one release to another; see `handover.ts`. @throws where it is refused */
  handOver(request: unknown): Promise<unknown>;
  /** Calls back with past and coming events until the returned function is called. */
  follow(onEvent: (event: SupervisorEvent) => void): () => void;
}

export interface Control {
  path: string;
  close(): Promise<void>;
}

/** HTTP on a unix socket that only this user can open: `GET /status`, `POST /stop`, `POST /handover`, `GET /events` (JSON lines). */
export async function serveControl(path: string, handlers: ControlHandlers): Promise<Control> {
  const server: Server = createServer((req, res) => {
    const url = new URL(req.url ?? '/', 'http://supervisor');
    if (req.method === 'GET' && url.pathname === '/status') {
      res.setHeader('content-type', 'application/json');
      return void res.end(JSON.stringify(handlers.status()));
    }
    if (req.method === 'POST' && url.pathname === '/stop') {
      handlers.stop(url.searchParams.get('reason') ?? 'asked to', url.searchParams.get('hurry') === 'true');
      return void res.writeHead(202).end();
    }
    if (req.method === 'POST' && url.pathname === '/handover') {
      return void answerHandover(req, res, handlers);
    }
    if (req.method === 'GET' && url.pathname === '/events') {
      res.writeHead(200, { 'content-type': 'application/x-ndjson' });
      const leave = handlers.follow((event) => res.write(`${JSON.stringify(event)}\n`));
      return void res.on('close', leave);
    }
    return void res.writeHead(404).end();
  });
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return {
    path,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answerHandover(req: IncomingMessage, res: ServerResponse, handlers: ControlHandlers): Promise<void> {
  try {
    let body = '';
    for await (const text of req.setEncoding('utf8')) body += String(text);
    res.end(JSON.stringify(await handlers.handOver(JSON.parse(body))));
  } catch (error) {
    res.writeHead(409).end(JSON.stringify({ message: messageOf(error) }));
  }
}

/** One question to a supervisor; undefined where none answers. */
export function askControl(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  { timeoutMs = 5_000, body: sent }: { timeoutMs?: number; body?: unknown } = {},
): Promise<{ status: number; body: string } | undefined> {
  return new Promise((resolve) => {
    const req = request({ socketPath, method, path, timeout: timeoutMs }, (res) => {
      let body = '';
      res.setEncoding('utf8').on('data', (text: string) => (body += text));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, body }));
      res.on('error', () => resolve(undefined));
    });
    req.on('timeout', () => req.destroy());
    req.on('error', () => resolve(undefined));
    req.end(sent === undefined ? undefined : JSON.stringify(sent));
  });
}
