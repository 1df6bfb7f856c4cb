import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { buildImages, type BuildOptions } from './build.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-build-test-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** How often a build was asked for whose engine ends each time with these words. */
async function askedFor(words: string): Promise<number> {
  const version = { Client: { Version: '26.1.5' }, Server: { Version: '26.1.5', Os: 'linux', Arch: 'amd64' } };
  writeFileSync(
    join(dir, 'docker'),
    `#!/bin/sh
case "$*" in
  *bake*) echo asked >> '${dir}/asked'; echo '${words}' >&2; exit 1 ;;
  version*) echo '${JSON.stringify(version)}' ;;
  compose*) echo 2.26.1 ;;
  buildx*) echo 'github.com/docker/buildx 0.13.1 0.13.1' ;;
  context*) echo default ;;
esac
`,
  );
  chmodSync(join(dir, 'docker'), 0o755);
  const recipe = join(dir, 'release/compose/images/docker-bake.hcl');
  mkdirSync(dirname(recipe), { recursive: true });
  writeFileSync(recipe, '');
  const release = { dir: join(dir, 'release'), manifest: { commit: '0'.repeat(40) } } as BuildOptions['release'];
  const built = buildImages({ release, epoch: 0, version: '0.1.0', source: '', env: { PATH: dir } });
  await expect(built).rejects.toMatchObject({ code: 'BUILD_FAILED', exitCode: 3 });
  return readFileSync(join(dir, 'asked'), 'utf8').trim().split('\n').length;
}

test('an engine that hangs up is asked again, three times in all', async () => {
  expect(await askedFor('ERROR: rpc error: code = Unavailable desc = transport is closing')).toBe(3);
});

test('a build that fails is tried once', async () => {
  expect(await askedFor('ERROR: failed to solve: process "npm ci" did not complete successfully: exit code: 1')).toBe(
    1,
  );
});
