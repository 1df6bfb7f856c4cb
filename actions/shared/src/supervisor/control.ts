import { createHash } from 'node:crypto';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  /** Calls back with past and coming events until the returned function is called. */
  follow(onEvent: (event: SupervisorEvent) => void): () => void;
}

export interface Control {
  path: string;
  close(): Promise<void>;
}

/** HTTP on a unix socket that only this user can open: `GET /status`, `POST /stop`, `GET /events` (JSON lines). */
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

/** One question to a supervisor; undefined where none answers. */
export function askControl(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  timeoutMs = 5_000,
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
    req.end();
  });
}
