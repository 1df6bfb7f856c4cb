import type { Logger } from 'pino';
import type { BusKeys, BusServer, SystemConfig } from '@papergate/config';
import { busEndpoint } from '../lifecycle/urls.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { createBusSecurity, type BusSecurity, type RefusalReason } from './security/security.ts';
import type { MessageFault } from './message.ts';

/** A server socket as who connects to it has to know it. */
export interface BusEndpoint {
  server: BusServer;
  /** `tcp://host:port`. */
  url: string;
}

/** The server socket of a service, by the system configuration. */
export const busServer = (system: SystemConfig, server: BusServer): BusEndpoint => ({
  server,
  url: busEndpoint(system, server),
});

/** What all sockets of a service share: their keys, and what is done about those who have no business with them. */
export interface Bus {
  /** Absent: plain sockets, as development has them. */
  readonly security: BusSecurity | undefined;
  /** Counts a message that was refused, and says so in the log, at most once a minute for each kind. */
  malformed(fault: MessageFault, from: string): void;
  /** Counts that a server did not let us in, or that it is none of ours, and says so in the same way. */
  turnedAway(server: string): void;
}

const LOG_EVERY_MS = 60_000;
/** Peers that are remembered for the log; with more of them, it begins anew. */
const MOST_PEERS = 1_000;

/** What the log is told of a refusal; the metric has the same words. */
const REFUSALS: Readonly<Record<RefusalReason, string>> = {
  unknown_key: 'a peer whose key nobody knows was kept off the bus',
  not_a_client: 'a service that has no business with this one was kept off the bus',
  no_curve: 'a peer without encryption was kept off the bus',
  handshake: 'a peer was kept off the bus: the key exchange does not add up, it may have keys of another place',
  abandoned: 'a peer was gone, or silent, before it had shown a key',
  not_zmtp: 'a peer that does not speak ZeroMQ was kept off the bus',
};
const FAULTS: readonly MessageFault[] = ['frames', 'json', 'envelope', 'source', 'data'];

export function createBus(options: {
  keys: BusKeys | undefined;
  metrics: Metrics;
  logger: Pick<Logger, 'warn'>;
  now?: () => number;
  handshakeMs?: number;
}): Bus {
  const { keys, metrics, logger, now = Date.now, handshakeMs } = options;
  const refused = metrics.counter(
    'bus_refused_total',
    'Connections that were kept off the sockets of the bus, by reason',
    ['reason'],
  );
  const malformed = metrics.counter('bus_malformed_total', 'Messages of the bus that were refused, by what is wrong', [
    'reason',
  ]);
  for (const reason of Object.keys(REFUSALS)) refused.inc({ reason }, 0);
  for (const reason of FAULTS) malformed.inc({ reason }, 0);
  const turnedAway = metrics.counter(
    'bus_turned_away_total',
    'Attempts to connect that ended with a no: the server has other keys than it should have, or does not let this service in',
  );
  const seldom = onceEach(LOG_EVERY_MS, now);
  const encrypted = metrics.gauge('bus_encrypted', 'Whether the sockets of the bus have keys');
  encrypted.set(keys === undefined ? 0 : 1);

  return {
    security:
      keys === undefined
        ? undefined
        : createBusSecurity({
            keys,
            ...(handshakeMs === undefined ? {} : { handshakeMs }),
            onRefused(reason, address) {
              refused.inc({ reason });
              if (seldom(`${reason} ${address ?? ''}`)) {
                logger.warn({ code: 'BUS_PEER_REFUSED', reason, peer: address }, REFUSALS[reason]);
              }
            },
          }),
    malformed(fault, from) {
      malformed.inc({ reason: fault });
      if (seldom(`${fault} ${from}`)) {
        logger.warn({ code: 'BUS_MESSAGE_INVALID', reason: fault, from }, 'a message of the bus was refused');
      }
    },
    turnedAway(server) {
      turnedAway.inc();
      if (seldom(`away ${server}`)) {
        logger.warn(
          { code: 'BUS_TURNED_AWAY', server },
          'no connection over the bus: what answers there has other keys, or none; trying again',
        );
      }
    },
  };
}

/** Says yes to the first of each key, and again when the time is over. */
function onceEach(ms: number, now: () => number): (key: string) => boolean {
  const last = new Map<string, number>();
  return (key) => {
    const at = now();
    const before = last.get(key);
    if (before !== undefined && at - before < ms) return false;
    if (last.size >= MOST_PEERS) last.clear();
    last.set(key, at);
    return true;
  };
}
