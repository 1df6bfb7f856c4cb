import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { Event } from 'zeromq';
import { watchHandshakes, type HandshakeFailure } from './watch.ts';

/** Events as a socket tells them, one after the other. */
function watched() {
  const waiting: ((event: Event) => void)[] = [];
  const events = { closed: false, receive: () => new Promise<Event>((resolve) => void waiting.push(resolve)) };
  const found: HandshakeFailure[] = [];
  let at = 0;
  const watch = watchHandshakes(
    { events },
    { handshakeMs: 100, now: () => at, onFailure: (failure) => void found.push(failure) },
  );
  return {
    found,
    tell: async (...types: Event['type'][]) => {
      for (const type of types) {
        waiting.shift()?.({ type, error: { code: 'ERR_ZMTP_CRYPTOGRAPHIC' } } as Event);
        await setImmediate();
      }
    },
    sweep: (ms: number) => {
      at = ms;
      watch.sweep(ms);
    },
  };
}

describe('connections that fail before a key is shown', () => {
  test('are told at once where no other connection could have ended', async () => {
    const { found, tell } = watched();
    await tell('accept', 'disconnect');
    expect(found).toEqual(['not_zmtp']);
    await tell('accept', 'handshake:error:protocol', 'disconnect', 'accept', 'handshake:error:other', 'disconnect');
    expect(found).toEqual(['not_zmtp', 'handshake', 'abandoned']);
  });

  test('are told later where one could, and not twice', async () => {
    const { found, tell, sweep } = watched();
    await tell('accept', 'handshake', 'accept', 'disconnect');
    sweep(100);
    expect(found).toEqual([]);
    sweep(101);
    sweep(500);
    expect(found).toEqual(['not_zmtp']);
    // The one that was open ends now.
    await tell('disconnect');
    expect(found).toEqual(['not_zmtp']);
  });

  test('are none where peers come and go as they should, or were refused by their key', async () => {
    const { found, tell, sweep } = watched();
    await tell('accept', 'handshake', 'disconnect', 'accept', 'handshake:error:auth', 'disconnect');
    await tell('accept', 'accept', 'handshake', 'handshake', 'disconnect', 'disconnect');
    sweep(1_000);
    expect(found).toEqual([]);
  });
});
