import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Secret } from '@papergate/config';
import { keyAges } from './key-age.ts';
import { notesOf, release, type ReleaseOptions } from './release.ts';

const CHANGELOG = `# Changelog

## [Unreleased]

## [1.2.0] - 2026-11-01

### Added

- A thing.

## [1.1.0]

- Another.
`;

/** As much of GitHub's API as is asked here: releases, tags, secrets of an environment. */
let server: Server;
let url: string;
let tags: Map<string, string>;
let releases: Map<string, Record<string, unknown>>;
let broken: number | undefined;
let asked: string[];

beforeEach(async () => {
  tags = new Map();
  releases = new Map();
  broken = undefined;
  asked = [];
  server = createServer((request, response) => {
    const { method = '', url: path = '' } = request;
    asked.push(`${method} ${path}`);
    let text = '';
    request.on('data', (part: Buffer) => (text += part.toString()));
    request.on('end', () => {
      const [status, body] = broken === undefined ? answer(method, path, text) : [broken, { message: 'no' }];
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
});

function answer(method: string, path: string, text: string): [number, unknown] {
  const fields = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  const base = '/repos/o/n';
  const secrets = /\/environments\/([^/]+)\/secrets\?per_page=100&page=(\d+)$/.exec(path);
  if (secrets !== null) return secretsOf(secrets[1] ?? '', Number(secrets[2]));
  if (method === 'GET') {
    const found = releases.get(path.split('/').at(-1) ?? '');
    return found === undefined ? [404, { message: 'Not Found' }] : [200, found];
  }
  if (path === `${base}/releases`) {
    const made = { ...fields, html_url: `https://github.com/o/n/releases/tag/${String(fields['tag_name'])}` };
    releases.set(String(fields['tag_name']), made);
    return [201, made];
  }
  if (path === `${base}/git/refs`) {
    tags.set(String(fields['ref']).replace('refs/tags/', ''), String(fields['sha']));
    return [201, {}];
  }
  const tag = path.split('/').at(-1) ?? '';
  if (!tags.has(tag)) return [422, { message: 'Reference does not exist' }];
  tags.set(tag, String(fields['sha']));
  return [200, {}];
}

function secretsOf(environment: string, page: number): [number, unknown] {
  if (environment === 'production') return [404, { message: 'Not Found' }];
  const many = Array.from({ length: 100 }, (_, index) => ({ name: `S${index}`, updated_at: '2026-11-19T00:00:00Z' }));
  return [200, { secrets: page === 1 ? many : [{ name: 'OLD', updated_at: '2026-08-01T12:00:00Z' }] }];
}

const options = (tag: string, over: Partial<ReleaseOptions> = {}): ReleaseOptions => ({
  apiUrl: url,
  repository: 'o/n',
  token: new Secret('a-token'),
  tag,
  sha: 'a'.repeat(40),
  changelog: CHANGELOG,
  ...over,
});

describe('a release', () => {
  test('is written from the changelog, and its major tag is made', async () => {
    expect(await release(options('v1.2.0'))).toEqual({
      url: 'https://github.com/o/n/releases/tag/v1.2.0',
      major: 'v1',
    });
    expect(releases.get('v1.2.0')).toMatchObject({ body: '### Added\n\n- A thing.', prerelease: false });
    expect(tags.get('v1')).toBe('a'.repeat(40));
  });

  test('moves the major tag that is there, after the release is written', async () => {
    tags.set('v1', 'b'.repeat(40));
    await release(options('v1.2.0'));
    expect(tags).toEqual(new Map([['v1', 'a'.repeat(40)]]));
    expect(asked.findIndex((line) => line.startsWith('PATCH'))).toBeGreaterThan(
      asked.findIndex((line) => line.startsWith('POST')),
    );
  });

  test('is not written twice', async () => {
    await release(options('v1.2.0'));
    await release(options('v1.2.0'));
    expect(asked.filter((line) => line === 'POST /repos/o/n/releases')).toHaveLength(1);
  });

  test('that is one to try moves no tag', async () => {
    const changelog = CHANGELOG.replace('[1.2.0]', '[2.0.0-rc.1]');
    expect(await release(options('v2.0.0-rc.1', { changelog }))).toMatchObject({ major: undefined });
    expect(releases.get('v2.0.0-rc.1')).toMatchObject({ prerelease: true });
    expect(tags.size).toBe(0);
  });

  test('that GitHub refuses moves no tag', async () => {
    broken = 403;
    await expect(release(options('v1.2.0'))).rejects.toMatchObject({
      code: 'GITHUB_CALL_FAILED',
      exitCode: 3,
      message: expect.stringContaining('403'),
    });
    expect(tags.size).toBe(0);
  });

  test.each([
    ['1.2.0', 'VERSION_INVALID'],
    ['v1.2', 'VERSION_INVALID'],
    ['v9.9.9', 'CHANGELOG_SILENT'],
  ])('of the tag %s is refused: %s', (tag, code) => {
    expect(() => notesOf(CHANGELOG, tag)).toThrow(expect.objectContaining({ code, exitCode: 2 }));
  });
});

test('keys are told with their age, over all pages, and an environment that is not there has none', async () => {
  const ages = await keyAges({
    apiUrl: url,
    token: new Secret('a-token'),
    repository: 'o/n',
    environments: ['staging', 'production'],
    now: new Date('2026-11-20T12:00:00Z'),
  });
  expect(ages).toHaveLength(101);
  expect(ages[0]).toEqual({ environment: 'staging', name: 'OLD', days: 111 });
  expect(ages[1]).toMatchObject({ days: 1 });
});
