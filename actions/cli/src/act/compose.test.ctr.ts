import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { containers } from '@papergate/delivery';
import { bases } from '../containers/testing/bases.ts';
import { docker, dockerEnvironment, removeProject } from '../containers/testing/docker.ts';
import { toolForTests } from '../test-run/tools.ts';
import { expectJobs, ROOT, startSeries, words, type Series } from './testing.ts';

/* deploy-staging and rollback, as they are committed, over the compose target: images are built, pushed and run. */
jest.setTimeout(900_000);

const act = await toolForTests('act', process.env, ROOT);
const withAct = act === undefined ? describe.skip : describe;
const project = `act-${randomBytes(3).toString('hex')}`;
let series: Series | undefined;

beforeAll(async () => {
  const { node, postgres } = await bases();
  series = await startSeries(act ?? '', dockerEnvironment(), {
    PAPERGATE_TARGET: 'compose',
    PAPERGATE_ENVIRONMENT: 'development',
    PAPERGATE_PROJECT: project,
    PAPERGATE_PORTS: 'free',
    PAPERGATE_LOAD: 'none',
    PAPERGATE_REGISTRY: `${containers().registry}/${project}`,
    PAPERGATE_NODE_IMAGE: node,
    PAPERGATE_POSTGRES_IMAGE: postgres,
  });
});
afterAll(async () => {
  removeProject(project);
  // By their names and not by their ids: the same image may be another test's under another name.
  const format = '{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}';
  const names = lines(docker('images', '--digests', '--format', format)).flatMap((line) => line.split(' '));
  const prefix = `${containers().registry}/${project}/`;
  const own = names.filter((name) => name.startsWith(prefix) && !name.includes('<none>'));
  if (own.length > 0) docker('rmi', '-f', ...new Set(own));
  await series?.close();
});

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** Commits of the services' containers that run. */
function runningCommits(): string[] {
  const label = `label=com.papergate.project=${project}`;
  return [...new Set(lines(docker('ps', '--filter', label, '--format', '{{.Label "com.papergate.commit"}}')))];
}

function begun(): Series {
  if (series === undefined) throw new Error('the set-up failed');
  return series;
}

withAct('workflows on a Docker Engine', () => {
  test('deploy-staging builds, pushes and delivers images by digest, twice', async () => {
    const { first, second, run } = begun();
    for (const sha of [first, second]) {
      const outcome = await run({ workflow: 'deploy-staging', ref: sha, inputs: { load: 'none', sha } });
      expectJobs(outcome, { choose: 'success', build: 'success', deliver: 'success' });
      expect(runningCommits()).toEqual([sha]);
    }
  });

  test('rollback goes back by digest, and builds nothing', async () => {
    const { first, second, run } = begun();
    const outcome = await run({
      workflow: 'rollback',
      ref: second,
      inputs: { sha: first, reason: 'to see it go back', environment: 'staging', 'restore-db': 'false', confirm: '' },
    });
    expectJobs(outcome, { rollback: 'success' });
    expect(words(outcome)).not.toContain('build and push');
    expect(runningCommits()).toEqual([first]);
  });
});
