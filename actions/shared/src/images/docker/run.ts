import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { errorCode, ExternalError, messageOf } from '@papergate/config';

/** The environment that finds the engine: `PATH`, `HOME`, `DOCKER_HOST`, `DOCKER_CONFIG`. */
export type DockerEnv = Readonly<Record<string, string | undefined>>;

export interface DockerRun {
  env: DockerEnv;
  cwd?: string | undefined;
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
  /** Each line of stderr as it comes. */
  onLine?: (line: string) => void;
}
export interface DockerResult {
  /** Undefined where a signal or the timeout ended it. */
  code: number | undefined;
  stdout: string;
  /** Its last 200 000 characters. */
  stderr: string;
}

const MAX_WORDS = 200_000;

/**
 * Runs the Docker command line to its end, whatever it answers.
 * @throws ExternalError DOCKER_MISSING, DOCKER_FAILED where it cannot be started; the signal's reason where it was aborted
 */
export function runDocker(args: readonly string[], options: DockerRun): Promise<DockerResult> {
  const { env, cwd, signal, timeoutMs, onLine } = options;
  return new Promise((resolve, reject) => {
    const child = spawn('docker', [...args], {
      cwd,
      env: { ...env },
      signal,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // Not spawn's own time limit: its timer goes on where the program could not be started.
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => child.kill(), timeoutMs);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-MAX_WORDS)));
    if (onLine !== undefined) createInterface({ input: child.stderr, crlfDelay: Infinity }).on('line', onLine);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(signal?.aborted === true ? asError(signal.reason) : cannotStart(error));
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? undefined, stdout, stderr });
    });
  });
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));

function cannotStart(error: unknown): ExternalError {
  if (errorCode(error) === 'ENOENT') {
    return new ExternalError({
      code: 'DOCKER_MISSING',
      message: 'there is no program "docker" on the path',
      fix: 'install Docker Engine 25 or newer with buildx and Compose (on Debian: docker.io docker-cli docker-buildx docker-compose), or use --target process',
      cause: error,
    });
  }
  return new ExternalError({
    code: 'DOCKER_FAILED',
    message: `"docker" cannot be run: ${messageOf(error)}`,
    fix: 'run "docker version" here and mend what it says',
    cause: error,
  });
}

const UNREACHABLE =
  /cannot connect to the docker daemon|error during connect|permission denied while trying to connect|failed to connect to the docker api|no such host|connection refused.*docker/i;

/** What the engine said where there is none to be reached. */
export function engineUnreachable(stderr: string): ExternalError | undefined {
  if (!UNREACHABLE.test(stderr)) return undefined;
  return new ExternalError({
    code: 'ENGINE_UNREACHABLE',
    message: `the Docker Engine does not answer: ${firstLine(stderr)}`,
    fix: 'start it (systemctl start docker), or point DOCKER_HOST at one that runs',
  });
}

export const firstLine = (text: string): string => text.trim().split('\n')[0] ?? '';

/** Runs it and wants success. @throws also ExternalError ENGINE_UNREACHABLE, DOCKER_FAILED with its last words */
export async function docker(args: readonly string[], options: DockerRun): Promise<string> {
  const result = await runDocker(args, options);
  if (result.code === 0) return result.stdout;
  const unreachable = engineUnreachable(result.stderr);
  if (unreachable !== undefined) throw unreachable;
  const how = result.code === undefined ? 'was ended' : `ended with ${result.code}`;
  throw new ExternalError({
    code: 'DOCKER_FAILED',
    message: `docker ${args[0] ?? ''} ${args[1] ?? ''}`.trim() + ` ${how}: ${lastWords(result.stderr, 5)}`,
    fix: 'the words above are the engine’s own; try again once what they name is mended',
  });
}

export const lastWords = (text: string, lines: number): string => text.trim().split('\n').slice(-lines).join(' | ');
