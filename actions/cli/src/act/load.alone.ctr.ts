import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { toolForTests } from '../test-run/tools.ts';
import { shortLoad } from '../testing.ts';
import { expectJobs, NAME, ROOT, startSeries, words, type Series } from './testing.ts';

/* deploy-staging with all of its steps: what the load suites measure is for a machine that nothing else uses. */
jest.setTimeout(600_000);

const act = await toolForTests('act', process.env, ROOT);
const withAct = act === undefined ? describe.skip : describe;
let series: Series;

beforeAll(async () => {
  const variables = { PAPERGATE_TARGET: 'process', PAPERGATE_ENVIRONMENT: 'development', PAPERGATE_PORTS: 'free' };
  series = await startSeries(act ?? '', process.env, variables, { 'loadtests/plan.json': shortLoad });
});
afterAll(async () => {
  await series?.close();
});

withAct('deploy-staging', () => {
  test('loads what it has delivered, and its gate passes it on what the stages left', async () => {
    const { second: sha } = series;
    const outcome = await series.run({ workflow: 'deploy-staging', ref: sha, inputs: { load: 'quick', sha } });
    expectJobs(outcome, { choose: 'success', build: 'success', deliver: 'success' });
    for (const step of ['smoke', 'load', 'gate']) expect(words(outcome)).toContain(`Success - Main ${step} [`);
    const { deployments = [] } = series.github.fake.state.repositories[NAME] ?? {};
    expect(deployments.map(({ sha, statuses }) => [sha, statuses.at(-1)?.state])).toContainEqual([sha, 'success']);
  });
});
