import { describe, expect, test } from '@jest/globals';
import type { HostResult, HostRun } from '../host/types.ts';
import { composeModel, type RenderOptions } from './render.ts';
import { soundModel } from './testing/model.ts';

/** A host whose `docker compose config` gives this. */
function rendering(result: Partial<HostResult>): {
  options: RenderOptions;
  calls: { args: readonly string[]; run: HostRun | undefined }[];
} {
  const calls: { args: readonly string[]; run: HostRun | undefined }[] = [];
  const host: RenderOptions['host'] = {
    run: async (_command, args, run) => {
      calls.push({ args, run });
      return { code: 0, stdout: JSON.stringify(soundModel()), stderr: '', ...result };
    },
  };
  const variables = { PAPERGATE_PROJECT: 'papergate-development' };
  return {
    options: { host, composeDir: '/place/compose', environment: 'production', monitoring: true, variables },
    calls,
  };
}

describe('docker compose config', () => {
  test('is given the files of the environment in order, its variables, and nothing of a file that lies about', async () => {
    const { options, calls } = rendering({});
    expect(await composeModel(options)).toEqual(soundModel());
    expect(calls[0]?.args.join(' ')).toBe(
      'compose --env-file /dev/null -f /place/compose/compose.yaml -f /place/compose/compose.production.yaml ' +
        '-f /place/compose/compose.monitoring.yaml --profile smoke config --format json',
    );
    expect(calls[0]?.run?.env).toEqual({ PAPERGATE_PROJECT: 'papergate-development' });
  });

  test.each([
    'time="2026-01-02T03:04:05Z" level=warning msg="the attribute `version` is obsolete"',
    'WARN[0000] The "X" variable is not set. Defaulting to a blank string.',
  ])('is refused where it warns: %s', async (stderr) => {
    const { options } = rendering({ stderr: `${stderr}\n` });
    await expect(composeModel(options)).rejects.toMatchObject({
      code: 'COMPOSE_INVALID',
      message: expect.stringContaining(stderr),
    });
  });

  test('is not disturbed by what a login says', async () => {
    const { options } = rendering({ stderr: '** connection is not using a post-quantum key exchange algorithm.\n' });
    expect((await composeModel(options)).name).toBe('papergate-development');
  });

  test.each<[string, Partial<HostResult>, string]>([
    ['docker is not there', { code: 127, stderr: 'docker: not found\n' }, 'COMPOSE_MISSING'],
    ['docker has no Compose', { code: 1, stderr: "docker: 'compose' is not a docker command.\n" }, 'COMPOSE_MISSING'],
    ['docker is too old to know its flags', { code: 125, stderr: 'unknown flag: --env-file\n' }, 'COMPOSE_MISSING'],
    ['it takes too long', { code: undefined }, 'COMPOSE_MISSING'],
    ['the files are wrong', { code: 15, stderr: 'services.x must be a mapping\n' }, 'COMPOSE_INVALID'],
  ])('says what is wrong where %s', async (_what, result, code) => {
    await expect(composeModel(rendering(result).options)).rejects.toMatchObject({ code });
  });
});
