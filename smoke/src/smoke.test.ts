import { describe, expect, test } from '@jest/globals';
import { Secret } from '@papergate/config';
import { runSmoke, type Report, type SmokeOptions } from './smoke.ts';
import { at, BROKEN, json } from './testing/broken.ts';
import { startBundleDouble, type Breaks } from './testing/double.ts';

async function smoke(breaks: Breaks = {}, over: Partial<SmokeOptions> = {}) {
  const bundle = await startBundleDouble(breaks);
  try {
    const report = await runSmoke({ targets: bundle.targets, patienceMs: 250, ...over });
    return { report, state: bundle.state(), failed: failedOf(report) };
  } finally {
    await bundle.close();
  }
}

const failedOf = ({ results }: Report) => results.filter(({ status }) => status === 'failed').map(({ name }) => name);

describe('smoke', () => {
  test('passes a bundle that works, and leaves it as it was', async () => {
    const { report, state } = await smoke({}, { patienceMs: 3_000 });
    expect(report.results.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(report.reached).toBe(true);
    expect(state).toEqual({ breaker: 'ACTIVE', resets: 1, openPositions: 0 });
  });

  test('puts the tick in at the front door where there is no simulator', async () => {
    const bundle = await startBundleDouble({ answer: at('paper-exchange', '/sim/ticks', 'drop') });
    const report = await runSmoke({ targets: { ...bundle.targets, exchange: undefined }, patienceMs: 3_000 });
    await bundle.close();
    expect(failedOf(report)).toEqual([]);
    expect(report.results.some(({ name }) => name.startsWith('paper-exchange'))).toBe(false);
  });

  test('shows the token everywhere, over HTTP and WebSocket', async () => {
    const token = 'a-token-of-this-test';
    expect((await smoke({ token }, { token: new Secret(token), patienceMs: 3_000 })).failed).toEqual([]);
    expect((await smoke({ token })).failed).toContain('orchestrator: configuration');
  });

  test.each(BROKEN)('fails exactly what is broken when $title', async ({ breaks, fails }) => {
    const expected = [...fails].sort();
    let { failed, state } = await smoke(breaks);
    // A machine that was busy for a moment fails more than is broken; with patience it must be exactly that.
    if (failed.toSorted().join() !== expected.join()) ({ failed, state } = await smoke(breaks, { patienceMs: 3_000 }));
    expect(failed.toSorted()).toEqual(expected);
    if (!fails.includes('breaker: reset')) expect(state.breaker).toBe('ACTIVE');
  });

  test('fails every check of some service at least once in this table', async () => {
    const { report } = await smoke();
    const seen = new Set(BROKEN.flatMap(({ fails }) => fails));
    // One service stands for all in the checks that are the same for all.
    const general = (name: string) => (name.endsWith(': metrics') ? 'risk-manager: metrics' : name);
    const expected = report.results.map(({ name }) => name).filter((name) => !name.startsWith('paper-exchange'));
    expect(expected.filter((name) => !seen.has(general(name)))).toEqual([]);
  });

  test('leaves a breaker alone that somebody else has tripped', async () => {
    const { failed, state } = await smoke({ breaker: 'already-halted' });
    expect(failed).toEqual(expect.arrayContaining(['breaker: trip', 'breaker: orders refused', 'breaker: reset']));
    expect(state).toMatchObject({ breaker: 'HALTED', resets: 0 });
  });

  test('asks for the reset again until it holds', async () => {
    const { failed, state } = await smoke({ breaker: 'slow-reset' }, { patienceMs: 3000 });
    expect(failed).toEqual([]);
    expect(state).toMatchObject({ breaker: 'ACTIVE', resets: 3 });
  });

  test('resets the breaker and gives back what it bought when it is interrupted while halted', async () => {
    const aborter = new AbortController();
    const bundle = await startBundleDouble({
      answer: (call, own) => {
        if (!call.path.endsWith('/trip')) return undefined;
        const reply = own();
        aborter.abort(new Error('interrupted'));
        return reply;
      },
    });
    const run = runSmoke({ targets: bundle.targets, patienceMs: 2000, signal: aborter.signal });
    await expect(run).rejects.toThrow('interrupted');
    expect(bundle.state()).toMatchObject({ breaker: 'ACTIVE', openPositions: 0 });
    await bundle.close();
  });

  test('says what it expected and what it found', async () => {
    const { report } = await smoke({ answer: at('risk-manager', '/health', json({ status: 'dead' })) });
    expect(report.results.find(({ name }) => name === 'risk-manager: health')).toMatchObject({
      status: 'failed',
      expected: '200 and "status":"healthy"',
      found: '200 {"status":"dead"}',
    });
  });

  test('asks nothing more where nobody answers', async () => {
    const bundle = await startBundleDouble();
    await bundle.close();
    const report = await runSmoke({ targets: bundle.targets, patienceMs: 250 });
    expect(report.reached).toBe(false);
    expect(report.results.every(({ name, status }) => name.endsWith(': health') && status === 'failed')).toBe(true);
  });
});
