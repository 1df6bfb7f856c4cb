import { observe, type Observed } from './events.ts';

/** Why a connection was refused before ZAP was asked. */
export type HandshakeFailure = 'no_curve' | 'handshake' | 'abandoned' | 'not_zmtp';

export interface HandshakeWatch {
  /** Counts connections that ended without a word: call it now and then, with the time in ms. */
  sweep(now: number): void;
}

/**
 * Hears of connections that fail before their key is looked at: `no_curve` (a peer of another mechanism), `handshake` (a key
 * exchange that does not add up, such as with another server's key), `abandoned` (gone or silent before its end; a peer of
 * another mechanism too, where it hung up first) and `not_zmtp` (bytes that are no ZeroMQ: libzmq hangs up and says nothing of it).
 *
 * The last kind is known by what is missing: a connection that was accepted, ended, and neither got through its handshake
 * nor failed in it. While other connections are open, an end cannot be told from theirs; then it is certain only once the
 * handshake would have been given up (`handshakeMs`), which is when `sweep` counts it.
 */
export function watchHandshakes(
  socket: Observed,
  options: { handshakeMs: number; onFailure: (failure: HandshakeFailure) => void; now?: () => number },
): HandshakeWatch {
  const { handshakeMs, onFailure, now = Date.now } = options;
  const accepted: number[] = [];
  let open = 0;
  let endOfFailure = false;

  const failed = (failure: HandshakeFailure): void => {
    accepted.shift();
    endOfFailure = true;
    onFailure(failure);
  };
  observe(socket, (event) => {
    switch (event.type) {
      case 'accept':
        accepted.push(now());
        break;
      case 'handshake':
        accepted.shift();
        open += 1;
        break;
      case 'handshake:error:auth':
        // ZAP has refused it, and counted.
        accepted.shift();
        endOfFailure = true;
        break;
      case 'handshake:error:protocol':
        failed(event.error.code === 'ERR_ZMTP_MECHANISM_MISMATCH' ? 'no_curve' : 'handshake');
        break;
      case 'handshake:error:other':
        failed('abandoned');
        break;
      case 'disconnect':
        // libzmq says that a handshake failed, and in the same breath that its connection has ended.
        if (endOfFailure) endOfFailure = false;
        else if (open > 0) open -= 1;
        else if (accepted.shift() !== undefined) onFailure('not_zmtp');
        break;
      default:
    }
  });

  return {
    sweep(at) {
      while (accepted[0] !== undefined && at - accepted[0] > handshakeMs) {
        accepted.shift();
        // Its end was taken for that of a connection that is still open.
        open += 1;
        onFailure('not_zmtp');
      }
    },
  };
}
