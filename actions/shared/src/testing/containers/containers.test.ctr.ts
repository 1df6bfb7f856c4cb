import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { run } from '../../process/run.ts';
import { containers, ensureContainers } from './index.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-fixture-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const bin = (name: string, script: string): void =>
  writeFileSync(join(dir, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

describe('the engine of the container tests', () => {
  test('runs a container of an image that went through the registry', async () => {
    const { env, registry } = containers();
    const docker = (...args: string[]): string =>
      execFileSync('docker', args, { env: { ...process.env, ...env }, encoding: 'utf8', stdio: 'pipe' }).trim();
    const image = `${registry}/fixture/tini:${Math.random().toString(36).slice(2)}`;
    const [init] = execFileSync('sh', ['-c', 'command -v tini-static docker-init'], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    }).split('\n');
    const archive = join(dir, 'root.tar');
    mkdirSync(join(dir, 'root'));
    execFileSync('cp', ['-L', init ?? '', join(dir, 'root', 'tini')]);
    execFileSync('tar', ['-C', join(dir, 'root'), '-cf', archive, 'tini']);
    try {
      docker('import', '--change', 'ENTRYPOINT ["/tini"]', archive, image);
      docker('push', '-q', image);
      docker('rmi', image);
      expect(docker('run', '--rm', '--read-only', image, '--version')).toMatch(/^tini version/);
    } finally {
      await run('docker', ['rmi', '-f', image], { env: { ...process.env, ...env } });
    }
  });

  test('an engine that is too old is not used, and none is started beside it', async () => {
    mkdirSync(join(dir, 'bin'));
    bin('docker', 'case "$1" in version) echo 20.10.24;; context) echo unix:///var/run/docker.sock;; esac');
    await expect(ensureContainers({ env: { PATH: `${dir}/bin:/usr/bin:/bin` }, cacheDir: dir })).rejects.toMatchObject({
      code: 'CONTAINERS_MISSING',
      message: 'no Docker Engine here: the one at unix:///var/run/docker.sock is 20.10.24, and 25 or later is wanted',
    });
  });

  test('an engine that DOCKER_HOST names and that does not answer is named, with what its client said', async () => {
    const env = { ...process.env, ...containers().env, DOCKER_HOST: `unix://${dir}/none.sock` };
    await expect(ensureContainers({ env, cacheDir: dir })).rejects.toThrow(
      /DOCKER_HOST is unix:.*none\.sock, and there:/,
    );
  });

  test('a second run beside this one gets a registry and a folder of its own, and leaves nothing running', async () => {
    const env = { ...process.env, ...containers().env };
    const [one, two] = await Promise.all([
      ensureContainers({ env, cacheDir: dir }),
      ensureContainers({ env, cacheDir: dir }),
    ]);
    expect(one.registry).not.toBe(two.registry);
    expect(one.registry).not.toBe(containers().registry);
    expect((await fetch(`http://${two.registry}/v2/`)).status).toBe(200);
    await Promise.all([one.stop(), two.stop()]);
    await expect(fetch(`http://${two.registry}/v2/`)).rejects.toThrow();
    // Its slot is free again.
    const three = await ensureContainers({ env, cacheDir: dir });
    await three.stop();
  });
});
