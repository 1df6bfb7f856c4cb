import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { toolForTests } from '../test-run/tools.ts';
import { expectJobs, NAME, ROOT, startSeries, words, type Series } from './testing.ts';

/* deploy-staging with all of its steps: what the load suites measure is for a machine that nothing else uses. */
jest.setTimeout(600_000);

const act = await toolForTests('act', process.env, ROOT);
const withAct = act === undefined ? describe.skip : describe;
let series: Series;

beforeAll(async () => {
  series = await startSeries(act ?? '', process.env, {
    PAPERGATE_TARGET: 'process',
    PAPERGATE_ENVIRONMENT: 'development',
    PAPERGATE_PORTS: 'free',
  });
});
afterAll(async () => {
  await series?.close();
});

withAct('deploy-staging', () => {
  test('loads what it has delivered, and its gate passes it on what the stages left', async () => {
    const { first } = series;
    const outcome = await series.run({ workflow: 'deploy-staging', ref: first, inputs: { load: 'quick', sha: first } });
    expectJobs(outcome, { choose: 'success', build: 'success', deliver: 'success' });
    for (const step of ['smoke', 'load', 'gate']) expect(words(outcome)).toContain(`Success - Main ${step} [`);
    const { deployments = [] } = series.github.fake.state.repositories[NAME] ?? {};
    expect(deployments.map(({ sha, statuses }) => [sha, statuses.at(-1)?.state])).toContainEqual([first, 'success']);
  });
});
