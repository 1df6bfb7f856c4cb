import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { imageName, waitFor } from '@papergate/delivery';
import { docker } from './docker.ts';
import { SERVICES } from './services.ts';
import { makeLeanKit, type LeanKit } from './lean.ts';

jest.setTimeout(600_000);

let kit: LeanKit;
let dir: string;
beforeAll(async () => {
  kit = await makeLeanKit('lean');
  dir = mkdtempSync(join(tmpdir(), 'papergate-lean-'));
  mkdirSync(join(dir, 'config'), { mode: 0o755 });
  writeFileSync(join(dir, 'config', 'system.development.json'), kit.clone.read('config/system.development.json'));
});
afterAll(async () => {
  rmSync(dir, { recursive: true, force: true });
  await kit?.remove();
});

describe('a lean release', () => {
  test('is one image for all services that is ready on a hardened container, and sound by its own health check', async () => {
    const manifest = await kit.lean({ ballast: 2_000_000 });
    expect(Object.keys(manifest.images ?? {}).toSorted()).toEqual([...SERVICES, 'postgres'].toSorted());
    const image = manifest.images?.['market-data'];
    if (image === undefined) throw new Error('no image');
    const hardened = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges', '--user=10001:10001'];
    const variables = {
      ENVIRONMENT: 'development',
      CONFIG_DIR: '/config',
      PAPERGATE_SERVICE: 'market-data',
      RELEASE_SHA: 'a',
    };
    const id = docker(
      'run',
      '-d',
      '--init',
      `--volume=${join(dir, 'config')}:/config:ro`,
      ...hardened,
      ...Object.entries(variables).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
      imageName(image),
    );
    try {
      const check = ['exec', id, 'node', 'services/shared/src/health.js'];
      const healthy = await waitFor(
        () => {
          try {
            docker(...check);
            return true;
          } catch {
            return false;
          }
        },
        { timeoutMs: 20_000, everyMs: 100 },
      );
      if (healthy !== true) throw new Error(docker('logs', id));
      docker('stop', '-t', '10', id);
      expect(docker('inspect', '-f', '{{.State.ExitCode}}', id)).toBe('0');
    } finally {
      docker('rm', '-f', id);
    }
  });

  test('differs from the next one by its commit and its image', async () => {
    const [one, two] = [await kit.lean(), await kit.lean({ fault: 'exits', service: 'dashboard' })];
    expect(one.digest).not.toBe(two.digest);
    expect(two.images?.['dashboard']).not.toEqual(two.images?.['orchestrator']);
    expect(JSON.parse(readFileSync(kit.file(two), 'utf8'))).toEqual(two);
  });
});
