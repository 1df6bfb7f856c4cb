import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  deliver,
  homeOf,
  imageName,
  INSTALLED_STAGES,
  makeHome,
  openPlace,
  renderDiagnosis,
  verifyAudit,
  type DeliverOutcome,
  type Manifest,
  type Patience,
} from '@papergate/delivery';
import { dockerEnvironment } from '../testing/docker.ts';
import { expectNoneLost, expectRuns, expectTakesOrders } from '../testing/expectations.ts';
import { makeKit, type Kit } from '../testing/kit.ts';
import { OrderClient } from '../testing/order-client.ts';
import { BROKEN_CONFIGURATION, BROKEN_IMAGES, BROKEN_MIGRATIONS } from './releases.ts';
import { BROKEN_SERVICES } from './services.ts';
import { BROKEN_SURROUNDINGS } from './surroundings.ts';
import type { Broken } from './types.ts';

jest.setTimeout(600_000);

const CORPUS = [
  ...BROKEN_SERVICES,
  ...BROKEN_IMAGES,
  ...BROKEN_CONFIGURATION,
  ...BROKEN_MIGRATIONS,
  ...BROKEN_SURROUNDINGS,
];

let kit: Kit;
let orders: OrderClient;

beforeAll(async () => {
  kit = await makeKit({ name: 'broken' });
  orders = new OrderClient({ url: kit.url('orchestrator'), token: kit.token(), perSecond: 10 }).start();
});
afterAll(async () => {
  await orders?.stop();
  await kit?.remove();
});

async function deploy(next: Manifest, patience: Partial<Patience>): Promise<DeliverOutcome> {
  const never = new AbortController().signal;
  const place = await openPlace({
    choice: { kind: 'compose', project: kit.project },
    repository: kit.clone.dir,
    home: makeHome(homeOf('', kit.home)),
    env: dockerEnvironment(),
    stages: INSTALLED_STAGES,
    signal: never,
  });
  try {
    return await deliver({ ...place.moving('papergate deploy --manifest broken', () => {}, never), next, patience });
  } finally {
    await place.close();
  }
}

describe('a broken release ends in exactly the release before, with a diagnosis', () => {
  test('there are at least 25 of them', () => {
    expect(CORPUS.length).toBeGreaterThanOrEqual(25);
    expect(new Set(CORPUS.map(({ title }) => title)).size).toBe(CORPUS.length);
  });

  test.each(CORPUS.map((broken): [string, Broken] => [broken.title, broken]))('%s', async (_title, broken) => {
    const mend = await broken.around?.(kit);
    let next: Manifest;
    let outcome: DeliverOutcome;
    try {
      next = await broken.make(kit);
      outcome = await deploy(next, broken.patience ?? {});
    } finally {
      await mend?.();
    }
    const { status, exitCode, diagnosis } = outcome;
    expect({ status, exitCode, step: diagnosis?.step, message: diagnosis?.message }).toEqual({
      status: broken.ends,
      exitCode: broken.exitCode,
      step: expect.stringMatching(broken.step),
      message: expect.any(String),
    });
    if (diagnosis === undefined) throw new Error('there is no diagnosis');
    expect(diagnosis.tookMs).toBeLessThan(10_000);
    const text = renderDiagnosis(diagnosis);
    expect(text).toMatch(broken.says);
    expect(text).toContain(diagnosis.rolledBack);
    expect(diagnosis.next).toMatch(/papergate|mend|put|start|free|end/i);
    if (broken.service !== undefined) {
      expect(diagnosis.service).toBe(broken.service);
      const image = next.images?.[broken.service];
      expect(diagnosis.image).toBe(image === undefined ? undefined : imageName(image));
      expect(text).toContain(diagnosis.image);
    }
    expectRuns(kit, kit.good);
    await expectTakesOrders(orders);
  });

  test('no acknowledged order was lost in all of this, and the audit log tells all of it', async () => {
    await orders.stop();
    expectNoneLost(kit, orders);
    const never = new AbortController().signal;
    const place = await openPlace({
      choice: { kind: 'compose', project: kit.project },
      repository: kit.clone.dir,
      home: makeHome(homeOf('', kit.home)),
      env: dockerEnvironment(),
      stages: INSTALLED_STAGES,
      signal: never,
    });
    try {
      const verdict = await verifyAudit(place.place);
      expect(verdict).toMatchObject({ ok: true, problems: [] });
      expect(verdict.entries).toBeGreaterThanOrEqual(CORPUS.length);
    } finally {
      await place.close();
    }
  });
});
