import { afterEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Upstream, UpstreamAnswer } from '../upstream/upstream.ts';
import { createStatusPoller, type StatusPoller } from './poller.ts';

let poller: StatusPoller | undefined;
afterEach(() => poller?.stop());

const answer = (json: unknown): UpstreamAnswer => ({
  status: 200,
  text: JSON.stringify(json),
  json,
  retryAfter: undefined,
});
const HEALTHY = answer({ status: 'healthy', release: 'a', uptime_seconds: 1, ready: true });

/** A sibling whose answers `call` makes; counts how often it was asked for its health. */
function sibling(call: (asked: number) => Promise<UpstreamAnswer>): Upstream & { asked(): number } {
  let asked = 0;
  return {
    service: 'execution-engine',
    url: 'http://sibling',
    call: ({ path }) => call(path === '/health' ? ++asked : asked),
    close: () => Promise.resolve(),
    asked: () => asked,
  };
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 10) {
    if (waited > 10_000) throw new Error('it did not come to it');
    await sleep(10);
  }
}

describe('the status poller', () => {
  test('is stopped at once, whoever does not answer', () => {
    poller = createStatusPoller({ upstreams: [sibling(() => new Promise(() => {}))] });
    poller.start();
    expect(poller.stop()).toBeUndefined();
  });

  test('asks nobody once it is stopped, though a question was under way', async () => {
    let give: (given: UpstreamAnswer) => void = () => {};
    const asked = sibling(() => new Promise((resolve) => (give = resolve)));
    poller = createStatusPoller({ upstreams: [asked], intervalMs: 1 });
    poller.start();
    await until(() => asked.asked() === 1);
    poller.stop();
    give(answer({}));
    await sleep(50);
    expect(asked.asked()).toBe(1);
  });

  test('sees a sibling that starts beside it long before its interval is over, and then asks at that alone', async () => {
    const late = sibling((asked) => (asked < 3 ? Promise.reject(new Error('not yet')) : Promise.resolve(HEALTHY)));
    poller = createStatusPoller({ upstreams: [late], intervalMs: 3_600_000 });
    poller.start();
    await until(() => poller?.services.get('execution-engine')?.ready === true);
    expect(late.asked()).toBe(3);
    await sleep(300);
    expect(late.asked()).toBe(3);
  });

  test('asks one that stays away at its interval, once the start is over', async () => {
    let now = 0;
    const gone = sibling(() => Promise.reject(new Error('gone')));
    poller = createStatusPoller({ upstreams: [gone], intervalMs: 3_600_000, now: () => now });
    poller.start();
    await until(() => gone.asked() === 2);
    now = 10_000;
    await sleep(300);
    const asked = gone.asked();
    await sleep(300);
    expect(gone.asked()).toBe(asked);
  });
});
