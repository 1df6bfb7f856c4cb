import { ExternalError } from '@papergate/config';
import { engineUnreachable } from '../../images/docker/run.ts';
import type { Host, HostResult, HostRun } from '../../host/types.ts';
import { dockerFailed } from './errors.ts';

/** Nothing that is asked of the engine and not waited for by design takes longer. */
const ASK_MS = 60_000;

/** The last words of a program, in one line. */
export const lastWords = (text: string, lines = 3): string =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(-lines)
    .join(' | ');

/** The docker command line of a host. */
export class Docker {
  readonly #host: Host;
  #rootDir: Promise<string> | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Runs it, whatever it answers. @throws ExternalError DOCKER_MISSING, ENGINE_UNREACHABLE */
  async run(args: readonly string[], options: HostRun = {}): Promise<HostResult> {
    const result = await this.#host.run('docker', args, { timeoutMs: ASK_MS, ...options });
    if (result.code === 0) return result;
    if (result.code === 127 && /docker.*not found/.test(result.stderr)) throw dockerMissing(this.#host.name);
    const unreachable = engineUnreachable(result.stderr);
    if (unreachable !== undefined) throw unreachable;
    return result;
  }

  /** Runs it and wants success: its stdout. @throws also ExternalError DOCKER_FAILED with its words */
  async text(what: string, args: readonly string[], options: HostRun = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    if (code === 0) return stdout;
    throw dockerFailed(what, lastWords(stderr));
  }

  /** Folder of the engine's own data on its machine; asked once, since it makes the engine count all that it has. */
  async rootDir(options: HostRun = {}): Promise<string> {
    this.#rootDir ??= this.text('asking the engine', ['info', '--format', '{{.DockerRootDir}}'], options);
    try {
      return (await this.#rootDir).trim();
    } catch (error) {
      this.#rootDir = undefined;
      throw error;
    }
  }
}

function dockerMissing(host: string): ExternalError {
  return new ExternalError({
    code: 'DOCKER_MISSING',
    message: `${host === 'local' ? 'this machine' : host} has no program "docker" on the path`,
    fix: 'install Docker Engine 25 or newer with Compose 2.24 or newer (on Debian: docker.io docker-cli docker-compose)',
  });
}
