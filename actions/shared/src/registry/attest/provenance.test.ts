import { describe, expect, test } from '@jest/globals';
import { sealManifest } from '../../release/manifest.ts';
import { builderOf, makeProvenance } from './provenance.ts';

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const COMMIT = 'ab'.repeat(20);
const images = {
  ticks: { repository: 'ghcr.io/o/n/ticks', digest: digest('2') },
  orders: { repository: 'ghcr.io/o/n/orders', digest: digest('1') },
};
const manifest = sealManifest({
  commit: COMMIT,
  services: { orders: { entry: 'x', digest: digest('a') }, ticks: { entry: 'x', digest: digest('b') } },
  config_digest: digest('c'),
  lockfile_digest: digest('d'),
  schema_version: '0001',
  images,
});
const options = {
  manifest,
  images,
  source: 'https://github.com/o/n',
  baseImages: { node: { repository: 'docker.io/library/node', digest: digest('e') } },
  parameters: { NODE_IMAGE: `docker.io/library/node@${digest('e')}` },
  builder: { id: 'urn:papergate:builder:local' },
};

describe('the provenance', () => {
  test('is an in-toto statement about every image, with a SLSA v1 predicate', () => {
    const { content, predicate } = makeProvenance(options);
    expect(JSON.parse(new TextDecoder().decode(content))).toEqual({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [
        { name: 'ghcr.io/o/n/orders', digest: { sha256: '1'.repeat(64) } },
        { name: 'ghcr.io/o/n/ticks', digest: { sha256: '2'.repeat(64) } },
      ],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate,
    });
  });

  test('names the source’s commit, the lock file, the base images, the parameters and the builder', () => {
    expect(makeProvenance(options).predicate).toEqual({
      buildDefinition: {
        buildType: 'urn:papergate:build:buildx-bake:v1',
        externalParameters: {
          source: { uri: 'git+https://github.com/o/n', digest: { gitCommit: COMMIT } },
          parameters: options.parameters,
        },
        internalParameters: { manifest: manifest.digest },
        resolvedDependencies: [
          { uri: `git+https://github.com/o/n@${COMMIT}`, digest: { gitCommit: COMMIT } },
          {
            name: 'package-lock.json',
            uri: 'git+https://github.com/o/n#package-lock.json',
            digest: { sha256: 'd'.repeat(64) },
          },
          { name: 'node', uri: `oci://docker.io/library/node@${digest('e')}`, digest: { sha256: 'e'.repeat(64) } },
        ],
      },
      runDetails: { builder: { id: 'urn:papergate:builder:local' }, metadata: {} },
    });
  });

  test('says of a source without an address that it is local', () => {
    const { predicate } = makeProvenance({ ...options, source: '' });
    expect(predicate).toMatchObject({
      buildDefinition: {
        externalParameters: { source: { uri: 'urn:papergate:source:local', digest: { gitCommit: COMMIT } } },
      },
    });
  });

  test('is the same bytes for the same release, in whatever order it is told', () => {
    const { ticks, orders } = images;
    expect(makeProvenance({ ...options, images: { orders, ticks } }).content).toEqual(makeProvenance(options).content);
  });
});

describe('the builder', () => {
  const github = {
    GITHUB_ACTIONS: 'true',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_WORKFLOW_REF: 'o/n/.github/workflows/ci.yml@refs/heads/main',
    GITHUB_REPOSITORY: 'o/n',
    GITHUB_RUN_ID: '7',
    GITHUB_RUN_ATTEMPT: '2',
  };

  test('is the workflow where GitHub runs us, with its run', () => {
    expect(builderOf(github)).toEqual({
      id: 'https://github.com/o/n/.github/workflows/ci.yml@refs/heads/main',
      invocationId: 'https://github.com/o/n/actions/runs/7/attempts/2',
    });
  });

  test('is this machine elsewhere, whatever else is set', () => {
    expect(builderOf({})).toEqual({ id: 'urn:papergate:builder:local' });
    expect(builderOf({ ...github, GITHUB_ACTIONS: undefined })).toEqual({ id: 'urn:papergate:builder:local' });
  });
});
