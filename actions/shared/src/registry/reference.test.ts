import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { defaultRegistry, isLoopback, originOf, parseImage, parseNamespace, registryOfRemote } from './reference.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('a registry with its namespace', () => {
  test.each([
    ['ghcr.io/owner/name', 'ghcr.io', 'owner/name'],
    ['127.0.0.1:5000/papergate', '127.0.0.1:5000', 'papergate'],
    ['localhost:5000/a/b/c', 'localhost:5000', 'a/b/c'],
    ['[::1]:5000/a', '[::1]:5000', 'a'],
    ['registry.example.com/some_one/my-bundle.x', 'registry.example.com', 'some_one/my-bundle.x'],
  ])('%s is taken', (text, registry, name) => {
    expect(parseNamespace(text)).toEqual({ registry, name });
  });

  test.each([
    ['https://ghcr.io/owner/name', 'has a scheme'],
    ['ghcr.io', 'has no namespace'],
    ['owner/name', 'does not begin with a host'],
    ['ghcr.io/Owner/name', 'has capitals in its namespace'],
    ['ghcr.io/owner/name:tag', 'has a namespace that registries do not take'],
    ['ghcr.io/owner//name', 'has a namespace that registries do not take'],
    ['ghcr.io/', 'has a namespace that registries do not take'],
    ['user@ghcr.io/owner', 'has a digest or a user in it'],
    ['ghcr .io/owner', 'does not begin with a host'],
    ['', 'has no namespace'],
  ])('%j is refused: it %s', (text, why) => {
    expect(() => parseNamespace(text)).toThrow(
      expect.objectContaining({ code: 'REGISTRY_INVALID', exitCode: 2, message: expect.stringContaining(why) }),
    );
  });

  test('a password before its host is not repeated', () => {
    expect(() => parseNamespace('https://me:hunter2@ghcr.io/x')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    );
  });
});

describe('an image', () => {
  test.each([
    [`postgres:18-bookworm@${DIGEST}`, 'docker.io/library/postgres'],
    [`node@${DIGEST}`, 'docker.io/library/node'],
    [`grafana/grafana:11@${DIGEST}`, 'docker.io/grafana/grafana'],
    [`127.0.0.1:5900/base/node:24@${DIGEST}`, '127.0.0.1:5900/base/node'],
    [`quay.io/prometheus/prometheus@${DIGEST}`, 'quay.io/prometheus/prometheus'],
  ])('%s is taken without its tag', (text, repository) => {
    expect(parseImage(text)).toEqual({ repository, digest: DIGEST });
  });

  test.each(['postgres:18', 'postgres', 'postgres@sha256:abc', `Up/Case@${DIGEST}`, ''])('%j is refused', (text) => {
    expect(() => parseImage(text)).toThrow(expect.objectContaining({ code: 'IMAGE_INVALID', exitCode: 2 }));
  });
});

describe('plain http', () => {
  test.each(['127.0.0.1:5000', '127.8.8.8', 'localhost', 'localhost:5000', '[::1]:5000'])('is for %s', (registry) => {
    expect(isLoopback(registry)).toBe(true);
    expect(originOf(registry)).toBe(`http://${registry}`);
  });

  test.each(['ghcr.io', '10.0.0.1:5000', '127.0.0.1.example.com', 'localhost.example.com', '128.0.0.1'])(
    'is not for %s',
    (registry) => {
      expect(originOf(registry)).toBe(`https://${registry}`);
    },
  );

  test('Docker Hub answers under another name', () => {
    expect(originOf('docker.io')).toBe('https://registry-1.docker.io');
  });
});

describe('the default registry', () => {
  test.each([
    'git@github.com:Owner/My-Bundle.git',
    'https://github.com/Owner/My-Bundle.git',
    'https://github.com/Owner/My-Bundle/',
    'https://x-access-token:abc@github.com/Owner/My-Bundle',
    'ssh://git@github.com/Owner/My-Bundle.git',
    'ssh://git@ssh.github.com:443/Owner/My-Bundle.git',
  ])('of %s is ghcr.io, in lower case', (remote) => {
    expect(registryOfRemote(remote)).toBe('ghcr.io/owner/my-bundle');
  });

  test.each([
    'https://gitlab.com/o/n',
    '/srv/git/bundle.git',
    'https://github.com.example.org/o/n',
    'https://github.com/o',
    'git@github.com:o/n/m',
    '',
  ])('of %j there is none', (remote) => {
    expect(registryOfRemote(remote)).toBeUndefined();
  });

  describe('of a checkout', () => {
    let dir: string;
    beforeEach(() => {
      dir = mkdtempSync(join(tmpdir(), 'papergate-remote-'));
      execFileSync('git', ['init', '-q', dir]);
    });
    afterEach(() => rmSync(dir, { recursive: true, force: true }));

    test('comes from its remote origin', async () => {
      execFileSync('git', ['-C', dir, 'remote', 'add', 'origin', 'git@github.com:Owner/Name.git']);
      expect(await defaultRegistry(dir)).toBe('ghcr.io/owner/name');
    });

    test('without a remote has to be given, and how is said', async () => {
      await expect(defaultRegistry(dir)).rejects.toMatchObject({
        code: 'REGISTRY_UNKNOWN',
        exitCode: 2,
        message: expect.stringContaining('no remote "origin"'),
        fix: expect.stringContaining('--registry'),
      });
    });

    test('with a remote elsewhere has to be given, and the remote, which may hold a token, is not repeated', async () => {
      execFileSync('git', ['-C', dir, 'remote', 'add', 'origin', 'https://me:hunter2@git.example.com/o/n']);
      await expect(defaultRegistry(dir)).rejects.toMatchObject({
        code: 'REGISTRY_UNKNOWN',
        message: expect.not.stringContaining('hunter2'),
      });
    });
  });
});
