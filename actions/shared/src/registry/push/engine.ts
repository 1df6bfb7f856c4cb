import { errorCode, ExternalError, messageOf, type EnvSource } from '@papergate/config';
import { redact } from '../../supervisor/redact.ts';
import { run, type RunResult } from '../../process/run.ts';
import { dockerEnvironment } from '../docker-env.ts';
import { classifyWords, RegistryFailure } from '../retry/failure.ts';

/** What a push needs of a Docker Engine. */
export interface ImageEngine {
  /** Names a local image; the name is moved where another image has it. */
  tag(imageId: string, reference: string): Promise<void>;
  /** @returns the digest that the engine says it pushed; @throws RegistryFailure */
  push(
    reference: string,
    options: { onLine?: (line: string) => void; signal?: AbortSignal | undefined },
  ): Promise<string>;
}

/** One push of one image; a registry that is slower than this per image cannot be delivered from anyway. */
const PUSH_TIMEOUT_MS = 15 * 60_000;

/** The engine behind the `docker` command, which gets of `env` what it needs (PATH, HOME, DOCKER_*) and no more. */
export function dockerEngine(env: EnvSource, timeoutMs = PUSH_TIMEOUT_MS): ImageEngine {
  const docker = async (args: string[], signal?: AbortSignal): Promise<RunResult> => {
    try {
      return await run('docker', args, { env: dockerEnvironment(env), signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw new ExternalError({
        code: 'DOCKER_MISSING',
        message: `docker cannot be run: ${errorCode(error) === 'ENOENT' ? 'it is not on the PATH' : messageOf(error)}`,
        fix: 'install the docker command, or put it on the PATH',
      });
    }
  };
  return {
    tag: async (imageId, reference) => {
      const { code, stderr } = await docker(['image', 'tag', imageId, reference]);
      if (code !== 0) throw failureOf(stderr);
    },
    push: async (reference, { onLine, signal }) => {
      const timeout = AbortSignal.timeout(timeoutMs);
      let result: RunResult;
      try {
        result = await docker(
          ['image', 'push', reference],
          signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
        );
      } catch (error) {
        signal?.throwIfAborted();
        if (timeout.aborted) throw new RegistryFailure('timeout', `the push took longer than ${timeoutMs / 1000} s`);
        throw error;
      }
      for (const line of result.stdout.split('\n')) if (line.trim() !== '') onLine?.(line.trim());
      if (result.code !== 0) throw failureOf(result.stderr);
      const digest = /\bdigest: (sha256:[0-9a-f]{64})\b/.exec(result.stdout)?.[1];
      if (digest === undefined)
        throw new RegistryFailure('unexpected', 'the engine did not say which digest it pushed');
      return digest;
    },
  };
}

function failureOf(stderr: string): RegistryFailure {
  const words = redact(stderr.trim().split('\n').slice(-3).join(' ')).slice(0, 500);
  return new RegistryFailure(classifyWords(words), words === '' ? 'the engine did not say why' : words);
}
