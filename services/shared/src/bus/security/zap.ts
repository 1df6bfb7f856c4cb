import { Reply, type Context } from 'zeromq';

/** What ZAP asks of us: may this peer come in? `key` is the public key that it has proven to hold, 32 bytes. */
export interface ZapQuestion {
  domain: string;
  /** The peer's IP address. */
  address: string;
  mechanism: string;
  key: Buffer | undefined;
}

/** A text admits the peer, as the user of that name. */
export type ZapJudge = (question: ZapQuestion) => string | undefined;

export interface ZapHandler {
  close(): Promise<void>;
}

const ENDPOINT = 'inproc://zeromq.zap.01';
const VERSION = '1.0';

/**
 * Answers ZeroMQ's own questions, before a peer's first byte reaches a server socket of this context (ZAP, RFC 27): version, request id, domain,
 * address, identity, mechanism, credentials; answered with version, request id, status, text, user, metadata.
 * It has to be bound before any server socket is: without a handler libzmq lets every key in. In doubt the answer is no.
 */
export async function answerZap(context: Context, judge: ZapJudge): Promise<ZapHandler> {
  const socket = new Reply({ context, linger: 0 });
  await socket.bind(ENDPOINT);

  function answer(frames: readonly Buffer[]): (string | Buffer)[] {
    const [version, request = '', domain, address, , mechanism, ...credentials] = frames;
    const reply = (status: string, text: string, user = ''): (string | Buffer)[] => [
      VERSION,
      request,
      status,
      text,
      user,
      '',
    ];
    if (String(version) !== VERSION) return reply('500', 'Version of ZAP not known');
    try {
      const user = judge({
        domain: String(domain),
        address: String(address),
        mechanism: String(mechanism),
        key: credentials[0],
      });
      return user === undefined ? reply('400', 'Not admitted') : reply('200', 'OK', user);
    } catch {
      return reply('500', 'Internal error');
    }
  }

  const running = (async () => {
    for await (const frames of socket) await socket.send(answer(frames));
  })().catch(() => undefined); // the socket was closed

  return {
    async close() {
      socket.close();
      await running;
    },
  };
}
