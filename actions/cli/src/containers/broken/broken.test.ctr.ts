import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  imageName,
  renderDiagnosis,
  verifyAudit,
  type DeliverOutcome,
  type Manifest,
  type Patience,
} from '@papergate/delivery';
import { PapergateError } from '@papergate/config';
import { atPlace } from '../testing/at-place.ts';
import { expectNoneLost, expectRuns, expectTakesOrders } from '../testing/expectations.ts';
import { killAt } from '../testing/journal.ts';
import { makeKit, type Kit } from '../testing/kit.ts';
import { mustEnd } from '../testing/papergate.ts';
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

/** How a deploy ended: its outcome, or the error that refused it before it was one. */
async function deploy(next: Manifest, patience: Partial<Patience>): Promise<DeliverOutcome | PapergateError> {
  try {
    return await kit.deploy(next, { patience });
  } catch (error) {
    if (error instanceof PapergateError) return error;
    throw error;
  }
}

/** The wanted exit code, or what stands for one of several. */
const codeOf = ({ exitCode }: Broken): unknown => (typeof exitCode === 'number' ? exitCode : oneOf(exitCode));

/** As `expect.any`, for one of a few values. */
function oneOf(values: readonly number[]): { asymmetricMatch: (value: unknown) => boolean; toString: () => string } {
  return {
    asymmetricMatch: (value) => values.some((each) => each === value),
    toString: () => `one of ${values.join(', ')}`,
  };
}

function expectDiagnosis({ status, exitCode, diagnosis }: DeliverOutcome, broken: Broken, next: Manifest): void {
  expect({ status, exitCode, step: diagnosis?.step, message: diagnosis?.message }).toEqual({
    status: broken.ends,
    exitCode: codeOf(broken),
    step: expect.stringMatching(broken.step),
    message: expect.any(String),
  });
  if (diagnosis === undefined) throw new Error('there is no diagnosis');
  expect(diagnosis.tookMs).toBeLessThan(10_000);
  const text = renderDiagnosis(diagnosis);
  expect(text).toMatch(broken.says);
  expect(text).toContain(diagnosis.rolledBack);
  expect(diagnosis.next).toMatch(/papergate|mend|put|start|free|end/i);
  if (broken.service === undefined) return;
  expect(diagnosis.service).toBe(broken.service);
  const image = next.images?.[broken.service];
  expect(diagnosis.image).toBe(image === undefined ? undefined : imageName(image));
  expect(text).toContain(diagnosis.image);
}

describe('a broken release ends in exactly the release before, with a diagnosis', () => {
  test('there are at least 25 of them', () => {
    expect(CORPUS.length).toBeGreaterThanOrEqual(25);
    expect(new Set(CORPUS.map(({ title }) => title)).size).toBe(CORPUS.length);
  });

  test.each(CORPUS.map((broken): [string, Broken] => [broken.title, broken]))('%s', async (_title, broken) => {
    const mend = await broken.around?.(kit);
    let next: Manifest;
    let ended: DeliverOutcome | PapergateError;
    try {
      next = await broken.make(kit);
      ended = await deploy(next, broken.patience ?? {});
    } finally {
      await mend?.();
    }
    if (ended instanceof Error) {
      const { exitCode, message } = ended;
      const wanted = { ends: broken.ends, exitCode: codeOf(broken), message: expect.stringMatching(broken.says) };
      expect({ ends: 'refused', exitCode, message }).toEqual(wanted);
    } else expectDiagnosis(ended, broken, next);
    expectRuns(kit, kit.good);
    await expectTakesOrders(orders);
  });
});

describe('a deployer of the real bundle that is killed', () => {
  test.each(['stop:execution-engine', 'start:execution-engine', 'start:orchestrator'])(
    'at %s: the next call brings back the release before, and the clients get their orders through',
    async (step) => {
      const next = await kit.release({});
      const deployer = kit.papergate('deploy', ...kit.flags, '--manifest', kit.file(next));
      const killed = await killAt(kit.place, step, { pid: deployer.child.pid ?? 0, ended: deployer.ended });
      if (!killed) throw new Error(`it was not killed at ${step}:\n${deployer.output()}`);
      await deployer.ended;
      await mustEnd(kit.papergate('recover', ...kit.flags));
      expectRuns(kit, kit.good);
      await expectTakesOrders(orders);
    },
  );
});

describe('after all of this', () => {
  test('no acknowledged order was lost, and the audit log tells all of it', async () => {
    await orders.stop();
    expectNoneLost(kit, orders);
    const verdict = await atPlace(kit, ({ place }) => verifyAudit(place));
    expect(verdict).toMatchObject({ ok: true, problems: [] });
    const begun = CORPUS.filter(({ ends }) => ends !== 'refused');
    expect(verdict.entries).toBeGreaterThanOrEqual(begun.length);
  });
});
