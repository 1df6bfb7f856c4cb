import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { ActionEnd } from '@papergate/delivery';
import { Dealer } from 'zeromq';
import { startProduction, type TestProduction } from './production.ts';

jest.setTimeout(240_000);

let production: TestProduction;
let first: string;
beforeAll(async () => {
  production = await startProduction();
  first = production.clone.git('rev-parse', 'HEAD');
});
afterAll(() => production.close());

const scope = async () => (await production.ask('risk-manager', '/api/v1/scope')).body as Record<string, unknown>;
const rollout = ({ outputs }: ActionEnd): unknown => JSON.parse(outputs['rollout'] ?? 'null');
/** Does something once the log of the job says so, beside it. */
const when = (words: RegExp, act: () => Promise<void>) => {
  let doing: Promise<void> | undefined;
  return {
    onOutput: (text: string) => {
      if (doing === undefined && words.test(text)) doing = act();
    },
    done: () => doing ?? Promise.reject(new Error(`it never said ${words.source}`)),
  };
};
const said = ({ output, outputs }: ActionEnd): string =>
  `${JSON.stringify(outputs)}\n${output.replaceAll(/^::add-mask::.*$/gm, '').slice(-6_000)}`;

/** The log of the job says that orders of a share of the symbols go out, and that it has looked. */
const IN_SHARE = /roll-out 2\/3: share \(AAPL\), watched[^]*looks/;

/** Asks until it is so, for a limited time. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await isSo()); tries++) {
    if (tries === 200) throw new Error('it never was so');
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}

describe('a production that is delivered to', () => {
  test('lets through what its step says, and nothing more where its runner is killed in the middle of one', async () => {
    const answers: Record<string, number> = {};
    let stop: (() => void) | undefined;
    const killed = await production.deploy(first, {
      onOutput: (text, kill) => {
        if (stop !== undefined || !IN_SHARE.test(text)) return;
        stop = () => kill('SIGKILL');
        void (async () => {
          answers['inside'] = (await production.order('AAPL', 'first-inside')).status;
          answers['outside'] = (await production.order('MSFT', 'first-outside')).status;
          stop();
        })();
      },
    });
    if (killed.code !== null) throw new Error(said(killed));
    expect(answers).toEqual({ inside: 200, outside: 400 });
    await until(async () => (await scope())['stage'] === 'expired');
    expect(await scope()).toMatchObject({ release: first, effective: [] });
    expect((await production.order('AAPL', 'nobody-watches')).status).toBe(400);
    expect(await production.sent()).toEqual(['first-inside']);
  });

  test('is let at the market step by step, from the first one again: none, a fifth of the symbols, all', async () => {
    const end = await production.deploy(first);
    if (end.code !== 0) throw new Error(said(end));
    expect(end.outputs).toMatchObject({ verdict: 'pass', outcome: 'unchanged', sha: first });
    expect(rollout(end)).toEqual({ status: 'complete', reached: 'all', failed: null });
    expect(await scope()).toMatchObject({ release: first, stage: 'all', effective: 'all', expires_at: null });
    expect((await production.order('MSFT', 'first-after')).status).toBe(200);
    const evidence = end.outputs['evidence'] ?? '';
    expect(readdirSync(evidence).filter((name) => name.startsWith('rollout.'))).toEqual([
      'rollout.1-no-order-flow.json',
      'rollout.2-share.json',
      'rollout.3-all.json',
    ]);
    expect(JSON.parse(readFileSync(join(evidence, 'promote.json'), 'utf8'))).toMatchObject({
      stage: 'promote',
      status: 'passed',
      commit: first,
      data: { rollout: 'complete', reached: 'all' },
    });
    expect(end.summary).toContain('<code>no-order-flow</code>');
  });

  test('keeps strangers off its bus, and its services on it', async () => {
    const { body } = await production.ask('market-data', '/api/v1/config');
    const { services } = (body as { system: { services: Record<string, { bus_port?: number }> } }).system;
    for (const service of ['market-data', 'signal-bridge', 'risk-manager', 'execution-engine']) {
      const stranger = new Dealer({ linger: 0 });
      // Before it connects: what happened until somebody listens is told to nobody.
      const { events } = stranger;
      stranger.connect(`tcp://127.0.0.1:${services[service]?.bus_port}`);
      let said = await events.receive();
      while (said.type === 'connect' || said.type === 'connect:delay') said = await events.receive();
      stranger.close();
      // Which of the two ends is the first to hang up decides what the other one calls it.
      expect([service, said.type]).toEqual([service, expect.stringMatching(/^handshake:error:(?:protocol|other)$/)]);
    }
    // Nobody is ready who hears nothing of those that it listens to.
    const { body: status } = await production.ask('orchestrator', '/api/v1/orchestration/status');
    expect(status).toMatchObject({ overall: 'healthy' });
  });

  test('goes back by itself to the release before, with the orders that one had, where a step does not hold', async () => {
    const second = production.nextCommit('second');
    const answers: number[] = [];
    const within = when(IN_SHARE, async () => {
      answers.push((await production.order('MSFT', 'second-outside')).status);
      // The broker begins to refuse: something is wrong with what this release sends.
      const match = { method: 'POST', path: '/v2/orders' };
      await production.fault({ kind: 'status', status: 422, times: null, match });
      answers.push((await production.order('AAPL', 'second-inside')).status);
    });
    const end = await production.deploy(second, within);
    await within.done();
    await production.reset();
    if (end.outputs['outcome'] !== 'undone') throw new Error(said(end));
    expect(end.code).toBe(1);
    expect(answers).toEqual([400, 200]);
    expect(end.outputs).toMatchObject({ verdict: 'block', 'reason-code': 'ROLLOUT_WATCH', sha: first });
    expect(rollout(end)).toEqual({ status: 'failed', reached: 'no-order-flow', failed: 'share' });
    expect(end.output).toContain('orders rejected by the broker: 1');
    expect(end.summary).toContain(`${first.slice(0, 12)} runs again, with all orders`);
    expect(await production.commit()).toBe(first);
    expect(await scope()).toMatchObject({ release: first, effective: 'all' });
    expect((await production.order('MSFT', 'back-again')).status).toBe(200);
    // An order is taken once it is durable; the broker has it a moment later.
    await until(async () => (await production.sent()).includes('back-again'));
    expect(await production.sent()).toEqual(['first-inside', 'first-after', 'back-again']);
  });
});
