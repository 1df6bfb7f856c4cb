import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { dockerConfig, program } from '../testing/docker-config.ts';
import { dockerEngine } from './engine.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

let dir: string;
let remove: () => void;
let env: Record<string, string>;
beforeEach(() => {
  ({ dir, remove } = dockerConfig({}));
  env = { PATH: `${dir}:/usr/bin:/bin` };
});
afterEach(() => remove());

describe('the docker command', () => {
  test('gives the digest that it says it pushed', async () => {
    program(dir, 'docker', `echo "abc: Pushed"; echo "tag: digest: ${DIGEST} size: 523"`);
    const lines: string[] = [];
    expect(await dockerEngine(env).push('x/y:tag', { onLine: (line) => lines.push(line) })).toBe(DIGEST);
    expect(lines).toEqual(['abc: Pushed', `tag: digest: ${DIGEST} size: 523`]);
  });

  test('that succeeds without a digest is not believed', async () => {
    program(dir, 'docker', 'echo done');
    await expect(dockerEngine(env).push('x/y:tag', {})).rejects.toMatchObject({ kind: 'unexpected' });
  });

  test('that fails is classed by its words, and they are passed on without secrets', async () => {
    const secret = ['sentinel', 'password'].join('-');
    program(dir, 'docker', `echo "Head https://me:${secret}@x/: dial tcp: i/o timeout" >&2; exit 1`);
    const failed: unknown = await dockerEngine(env)
      .push('x/y:tag', {})
      .catch((error: unknown) => error);
    expect(failed).toMatchObject({ kind: 'timeout', message: expect.stringContaining('i/o timeout') });
    expect(inspect(failed, { depth: 9 })).not.toContain(secret);
  });

  test('that does not end in time is ended, and counts as a timeout', async () => {
    program(dir, 'docker', 'exec sleep 60');
    await expect(dockerEngine(env, 50).push('x/y:tag', {})).rejects.toMatchObject({ kind: 'timeout' });
  });

  test('that is not installed is named', async () => {
    const none = { PATH: dir };
    await expect(dockerEngine(none).push('x/y:tag', {})).rejects.toMatchObject({ code: 'DOCKER_MISSING', exitCode: 3 });
  });

  test('gets the image and the name as arguments, and nothing else of ours', async () => {
    program(dir, 'docker', 'echo "$@" >"$(dirname "$0")/args"; env >"$(dirname "$0")/env"');
    const secret = ['sentinel', 'of', 'a', 'service'].join('-');
    const all = { ...env, DOCKER_CONFIG: '/c', ALPACA_SECRET_KEY: secret, COSIGN_PASSWORD: secret };
    await dockerEngine(all).tag('sha256:id', 'host/name:tag');
    expect(readFileSync(`${dir}/args`, 'utf8')).toBe('image tag sha256:id host/name:tag\n');
    expect(readFileSync(`${dir}/env`, 'utf8')).toContain('DOCKER_CONFIG=/c');
    expect(readFileSync(`${dir}/env`, 'utf8')).not.toMatch(/sentinel|NODE_OPTIONS/);
  });
});
