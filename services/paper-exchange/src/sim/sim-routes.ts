import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isLoopback } from '@papergate/service-kit';
import { UserError } from '@papergate/config';
import { toRfc3339 } from '../clock/new-york.ts';
import { mistakes } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import type { Fault } from '../faults/faults.ts';
import { parseTimeOfDay, Replay, type ReplayWindow } from '../market/replay.ts';
import { readPostedTicks } from './posted-ticks.ts';

/**
 * Who may use the exchange's own controls. `loopback`: they need no key, so they answer to this machine alone, wherever
 * the exchange listens. `token`: the app before them asks for the bundle's token on every path of theirs; so it is between
 * containers, where the smoke test comes from another address.
 */
export type SimAccess = 'loopback' | 'token';

export async function simRoutes(
  app: FastifyInstance,
  { exchange, access }: { exchange: Exchange; access: SimAccess },
): Promise<void> {
  const { faults, ledger, data, updates } = exchange;

  app.addHook('onRequest', (request, reply, done) => {
    if (access === 'token' || isLocal(request)) done();
    else reply.code(403).send({ code: 'SIM_LOOPBACK_ONLY', message: '/sim answers to this machine alone' });
  });
  app.setErrorHandler((error, request, reply) => {
    const fix = error instanceof UserError && error.fix !== undefined ? { fix: error.fix } : {};
    if (error instanceof UserError) return reply.code(400).send({ code: error.code, message: error.message, ...fix });
    const { statusCode = 500, message } = error as { statusCode?: number; message: string };
    if (statusCode < 500) return reply.code(statusCode).send({ code: 'BAD_REQUEST', message });
    request.log.error({ err: error }, 'request failed');
    return reply.code(500).send({ code: 'INTERNAL', message: 'the request failed; the log has the cause' });
  });

  app.get('/sim/status', () => statusOf(exchange));

  app.post('/sim/replay/start', (request, reply) => {
    const { source } = exchange;
    if (!(source instanceof Replay)) {
      const kind = source?.kind ?? 'none';
      return reply.code(409).send({ code: 'NO_REPLAY', message: `the exchange's source is ${kind}, not replay` });
    }
    if (!source.begin(readWindow(request.body))) {
      return reply.code(409).send({ code: 'REPLAY_RUNNING', message: 'the replay is running already' });
    }
    return reply.code(202).send(source.status());
  });

  app.post('/sim/ticks', { bodyLimit: 32 * 1024 * 1024, config: { role: 'trader' } }, (request) => {
    const ticks = readPostedTicks(request.body, exchange.instruments, exchange.clock.now());
    exchange.post(ticks);
    return { accepted: ticks.length };
  });

  app.get('/sim/ledger', (request) => {
    const query = request.query as Record<string, string | undefined>;
    const after = whole(query['after'], 'after', 0, 0);
    const entries = ledger.read(after, whole(query['limit'], 'limit', 1000, 1, 100_000));
    return { size: ledger.size, entries };
  });

  app.post('/sim/faults', (request, reply) => {
    const fault = faults.add(request.body);
    if (fault.kind === 'disconnect' && fault.match.event === undefined) cut(fault);
    return reply.code(201).send({ id: fault.id });
  });
  app.get('/sim/faults', () => faults.list());
  app.delete('/sim/faults', () => {
    faults.clear();
    return { removed: true };
  });
  app.delete<{ Params: { id: string } }>('/sim/faults/:id', (request, reply) => {
    if (faults.remove(request.params.id)) return { removed: true };
    return reply.code(404).send({ code: 'NOT_FOUND', message: `there is no fault ${request.params.id}` });
  });

  app.post('/sim/reset', () => {
    exchange.reset();
    return { reset: true };
  });

  /** A disconnect that waits for no event happens now: of the stream that its path names, or of all. */
  function cut(fault: Fault): void {
    const { path } = fault.match;
    let count = 0;
    if (path === undefined || path === '/stream') count += updates.disconnectAll();
    if (path === undefined || path !== '/stream') count += data.disconnectAll(path);
    fault.struck += count;
    fault.times = 0;
  }
}

export function statusOf(exchange: Exchange): Record<string, unknown> {
  const { source, clock, hours, data, updates, store, account, ledger, epoch } = exchange;
  const status = source?.status() ?? { running: false, finished: false };
  const now = clock.now();
  return {
    source: source?.kind ?? 'none',
    running: status.running,
    finished: status.finished,
    waiting: status.waiting ?? null,
    epoch,
    sent: data.sent,
    clock: { now: toRfc3339(now), hours: hours.kind, session: hours.session(now) },
    market: status,
    data_clients: data.clients(),
    trade_updates: { listening: updates.listening, sent: updates.sent },
    orders: { total: store.size, open: store.openCount },
    positions: account.positions.size,
    ledger: ledger.size,
  };
}

/** From this machine, by a loopback name, and not from a page of somebody else's that a browser here has open. */
function isLocal(request: FastifyRequest): boolean {
  const { host = '', origin } = request.headers;
  const address = (request.raw.socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, '');
  const name = host.replace(/:\d+$/, '');
  return isLoopback(address) && isLoopback(name) && (origin === undefined || origin === `http://${host}`);
}

function readWindow(body: unknown): Partial<ReplayWindow> {
  const { speed, from, to, ...rest } = (body ?? {}) as Record<string, unknown>;
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) throw mistakes.badFlag('a key of the body', unknown, 'speed, from, to');
  const window: Partial<ReplayWindow> = {};
  if (speed !== undefined) {
    if (typeof speed !== 'number' || !(speed >= 0 && speed <= 1_000_000)) {
      throw mistakes.badFlag('speed', JSON.stringify(speed), 'a number from 0 (as fast as it is taken) to 1000000');
    }
    window.speed = speed;
  }
  if (from !== undefined) window.from = timeOfDay('from', from);
  if (to !== undefined) window.to = timeOfDay('to', to);
  if (window.from !== undefined && window.to !== undefined && window.from >= window.to) {
    throw mistakes.badFlag('to', JSON.stringify(to), 'a time of day after from');
  }
  return window;
}

function timeOfDay(name: string, value: unknown): number {
  return parseTimeOfDay(name, typeof value === 'string' ? value : JSON.stringify(value));
}

function whole(
  value: string | undefined,
  name: string,
  fallback: number,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number {
  if (value === undefined) return fallback;
  const number = Number(value);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw mistakes.badFlag(name, value, `a whole number from ${least} to ${most}`);
}
