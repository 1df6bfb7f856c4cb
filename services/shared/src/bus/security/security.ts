import { Context } from 'zeromq';
import { BUS_CLIENTS, fromZ85, isBusServer, type BusKeys, type BusServer, type ServiceName } from '@papergate/config';
import { answerZap, type ZapHandler, type ZapQuestion } from './zap.ts';
import type { Observed } from './events.ts';
import { watchHandshakes, type HandshakeFailure, type HandshakeWatch } from './watch.ts';

/** Why somebody was kept off a socket: a key that nobody knows, a service's that has no business here, or see {@link HandshakeFailure}. */
export type RefusalReason = 'unknown_key' | 'not_a_client' | HandshakeFailure;

/** What a server socket is opened with. */
export interface ServerOptions {
  context: Context;
  curveServer: true;
  curveSecretKey: string;
  zapDomain: string;
  zapEnforceDomain: true;
  handshakeInterval: number;
}

/** What a socket that connects is opened with; `curveServerKey` is that of the server it connects to next. */
export interface ClientOptions {
  context: Context;
  curvePublicKey: string;
  curveSecretKey: string;
  curveServerKey: string;
}

export interface ServerSide {
  options: ServerOptions;
  /** To be called before the socket is bound, so that no connection is missed. */
  watch(socket: Observed): void;
  /** Once the socket is closed. */
  release(): Promise<void>;
}

/** CURVE for the sockets of one service. */
export interface BusSecurity {
  client(server: BusServer): ClientOptions;
  /** Binds what decides about peers, if nothing has yet; only then may a server socket be bound. */
  serve(): Promise<ServerSide>;
}

/** A key exchange takes milliseconds; who is not through with it by then never will be. */
const HANDSHAKE_MS = 10_000;

/**
 * Encrypts and authenticates every connection of a service (CURVE, ZeroMQ RFC 26): a client connects only to who holds the
 * server's key, and a server admits only the keys of its own clients ({@link BUS_CLIENTS}). Everybody else is refused
 * before a byte of a message is read or sent.
 *
 * The sockets live in a context of their own: there can be one handler of ZAP a context, and several services may share a
 * process.
 */
export function createBusSecurity(options: {
  keys: BusKeys;
  onRefused: (reason: RefusalReason, address: string | undefined) => void;
  handshakeMs?: number;
}): BusSecurity {
  const { keys, onRefused, handshakeMs = HANDSHAKE_MS } = options;
  const context = new Context();
  const judge = judgeOf(keys, onRefused);
  let handler: Promise<ZapHandler> | undefined;
  let servers = 0;

  return {
    client(server) {
      const curveServerKey = keys.peers.get(server);
      if (curveServerKey === undefined) throw new Error(`${keys.service} has no business with ${server} on the bus`);
      return { context, curvePublicKey: keys.publicKey, curveSecretKey: keys.secretKey.reveal(), curveServerKey };
    },
    async serve() {
      servers += 1;
      handler ??= answerZap(context, judge);
      await handler;
      let watcher: HandshakeWatch | undefined;
      const sweeper = setInterval(() => watcher?.sweep(Date.now()), handshakeMs / 5).unref();
      return {
        options: {
          context,
          curveServer: true,
          curveSecretKey: keys.secretKey.reveal(),
          zapDomain: keys.service,
          zapEnforceDomain: true,
          handshakeInterval: handshakeMs,
        },
        watch(socket) {
          watcher = watchHandshakes(socket, {
            // libzmq gives up by a timer of its own, a little late.
            handshakeMs: handshakeMs * 1.2,
            onFailure: (reason) => onRefused(reason, undefined),
          });
        },
        async release() {
          clearInterval(sweeper);
          servers -= 1;
          if (servers > 0) return;
          const closing = handler;
          handler = undefined;
          await (await closing)?.close();
        },
      };
    },
  };
}

function judgeOf(
  keys: BusKeys,
  onRefused: (reason: RefusalReason, address: string) => void,
): (question: ZapQuestion) => string | undefined {
  const { service } = keys;
  const clients: readonly ServiceName[] = isBusServer(service) ? BUS_CLIENTS[service] : [];
  const known = new Map([...keys.peers].map(([peer, key]) => [fromZ85(key)?.toString('hex') ?? '', peer] as const));
  return ({ domain, mechanism, address, key }) => {
    const peer = mechanism === 'CURVE' && key?.length === 32 ? known.get(key.toString('hex')) : undefined;
    if (domain === service && peer !== undefined && clients.includes(peer)) return peer;
    onRefused(peer === undefined ? 'unknown_key' : 'not_a_client', address);
    return undefined;
  };
}
