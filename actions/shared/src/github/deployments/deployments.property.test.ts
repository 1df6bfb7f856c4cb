import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PapergateError } from '@papergate/config';
import type { FaultKind } from '../fake/index.ts';
import { digest, openPair, REPOSITORY, sha, type Pair } from '../testing.ts';

const ROUTES = [
  'POST /repos/{owner}/{repo}/deployments',
  'GET /repos/{owner}/{repo}/deployments',
  'POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses',
  'GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses',
];
const KINDS: FaultKind[] = ['status', 'html', 'malformed', 'cut', 'answer-lost', 'half', 'secondary-limit'];
const fault = fc.record({
  kind: fc.constantFrom(...KINDS),
  route: fc.constantFrom(...ROUTES),
  after: fc.integer({ min: 0, max: 3 }),
  times: fc.integer({ min: 1, max: 3 }),
});

test('whatever gets lost, no deployment and no status is recorded twice, and what is said to be recorded is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fault, { maxLength: 5 }), fc.integer({ min: 1, max: 3 }), async (faults, count) => {
      const pair = await openPair({}, { client: { patience: { tries: 3 } } });
      faults.forEach(pair.fake.fault);
      try {
        for (let run = 1; run <= count; run++) await deliver(pair, run);
      } finally {
        await pair.close();
      }
    }),
    { numRuns: 60 },
  );
}, 120_000);

/** One run's record: what went wrong may be told, but nothing may be there twice, or not be there and be said to be. */
async function deliver({ fake, github }: Pair, run: number): Promise<void> {
  const records = () => fake.state.repositories[REPOSITORY]?.deployments ?? [];
  const payload = { manifest_digest: digest('c'), images: {}, run_id: run };
  const made = await codedOr(() => github.createDeployment({ sha: sha('c'), environment: 'staging', payload }));
  const own = records().filter((one) => (one.payload as { run_id?: number }).run_id === run);
  expect(own.length).toBeLessThanOrEqual(1);
  if (made === undefined) return;
  expect(own.map(({ id }) => id)).toEqual([made.id]);
  const status = await codedOr(() => github.setStatus(made.id, { state: 'success' }));
  expect(own[0]?.statuses.length).toBeLessThanOrEqual(1);
  if (status !== undefined) expect(own[0]?.statuses).toMatchObject([{ id: status.id, state: 'success' }]);
}

/** Undefined where it ended with a coded error; any other one fails the test. */
async function codedOr<T>(act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof PapergateError)) throw error;
    return undefined;
  }
}
