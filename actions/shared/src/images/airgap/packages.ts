import { accessSync } from 'node:fs';
import { ExternalError, messageOf, UserError } from '@papergate/config';
import { run } from '../../process/run.ts';
import type { DockerEnv } from '../docker/run.ts';
import type { Recipes } from './recipe.ts';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const TEN_MINUTES = 600_000;

function sources({ suite, mirror, security_mirror }: Recipes): string {
  const line = (from: string, of: string): string => `deb [signed-by=${KEYRING}] ${from} ${of} main\n`;
  return line(mirror, suite) + line(mirror, `${suite}-updates`) + line(security_mirror, `${suite}-security`);
}

/**
 * The files of Debian packages and of all that they depend on, unpacked into one tar archive without running any
 * of their scripts: so the same packages give the same bytes. Signatures are checked by apt.
 * @throws UserError AIRGAP_UNSUPPORTED; ExternalError MMDEBSTRAP_MISSING, KEYRING_MISSING, PACKAGES_FAILED
 */
export async function unpackPackages(
  recipes: Recipes,
  packages: readonly string[],
  into: string,
  { env, signal }: { env: DockerEnv; signal?: AbortSignal | undefined },
): Promise<void> {
  if (process.platform !== 'linux') {
    throw new UserError({
      code: 'AIRGAP_UNSUPPORTED',
      message: `base images are made of Debian packages on Linux; this is ${process.platform}`,
      fix: 'make them on a Debian machine and push them to your registry, or give images with --node-image and --postgres-image',
    });
  }
  requireKeyring();
  const args = ['--variant=extract', `--include=${packages.join(',')}`, '--format=tar', recipes.suite, into, '-'];
  const timeout = AbortSignal.timeout(TEN_MINUTES);
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  let result;
  try {
    result = await run('mmdebstrap', args, {
      env: { ...env, SOURCE_DATE_EPOCH: '0', LC_ALL: 'C' },
      signal: either,
      input: sources(recipes),
    });
  } catch (error) {
    signal?.throwIfAborted();
    if (timeout.aborted) throw failed('took longer than ten minutes');
    throw new ExternalError({
      code: 'MMDEBSTRAP_MISSING',
      message: `mmdebstrap, which unpacks Debian packages, cannot be run: ${messageOf(error)}`,
      fix: 'apt-get install mmdebstrap debian-archive-keyring',
      cause: error,
    });
  }
  if (result.code !== 0) throw failed(`ended with ${String(result.code)}: ${words(result.stderr)}`);
}

function requireKeyring(): void {
  try {
    accessSync(KEYRING);
  } catch (error) {
    throw new ExternalError({
      code: 'KEYRING_MISSING',
      message: `${KEYRING} is not there, and without Debian's keys no package can be trusted`,
      fix: 'apt-get install debian-archive-keyring',
      cause: error,
    });
  }
}

const failed = (why: string): ExternalError =>
  new ExternalError({
    code: 'PACKAGES_FAILED',
    message: `mmdebstrap ${why}`,
    fix: 'check that Debian’s mirror can be reached; mmdebstrap needs root, or user namespaces for others (uidmap)',
  });

const words = (stderr: string): string =>
  stderr
    .split('\n')
    .filter((line) => /^E:|error|fail/i.test(line))
    .slice(-5)
    .join(' | ') || stderr.trim().split('\n').slice(-3).join(' | ');
