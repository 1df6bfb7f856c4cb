import { errorCode, ExternalError, messageOf, type EnvSource } from '@papergate/config';
import { run, type RunResult } from '../../process/run.ts';
import { machineEnvironment } from '../../supervisor/machine-env.ts';
import { redact } from '../../supervisor/redact.ts';

type Verb = 'sign' | 'attest' | 'verify' | 'verify-attestation';

export interface Cosign {
  /** Runs a verb with the flags that this cosign needs to behave as 2.x does. Secrets go by `env`, never by arguments. */
  run(verb: Verb, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<RunResult>;
}

const TIMEOUT = '2m';

/**
 * Settings of cosign 3, which by default stores one bundle as an OCI 1.1 referrer and asks a signing configuration
 * for its services. We ask for the form that every cosign since 2.2 reads; what a version does not know is left out.
 */
const SETTINGS: Readonly<Record<Verb, readonly string[]>> = {
  sign: ['--use-signing-config=false', '--new-bundle-format=false'],
  attest: ['--use-signing-config=false', '--new-bundle-format=false'],
  verify: ['--new-bundle-format=false'],
  'verify-attestation': ['--new-bundle-format=false'],
};
/** What each verb has to know: cosign 2.2 does. Debian's cosign does not know its own version, so this is looked at. */
const NEEDED: Readonly<Record<Verb, readonly string[]>> = {
  sign: ['--tlog-upload', '--key'],
  attest: ['--tlog-upload', '--predicate', '--replace'],
  verify: ['--insecure-ignore-tlog', '--certificate-identity', '--certificate-oidc-issuer'],
  'verify-attestation': ['--insecure-ignore-tlog', '--type'],
};

/**
 * cosign from the PATH. It talks to the registry itself, with docker's credentials.
 * `run` throws ExternalError COSIGN_MISSING, COSIGN_TOO_OLD where it cannot be used.
 */
export function findCosign(env: EnvSource, signal?: AbortSignal): Cosign {
  const base = { ...machineEnvironment(env), ...pick(env, ['DOCKER_CONFIG', 'XDG_CACHE_HOME', 'TUF_ROOT']) };
  const start = async (args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<RunResult> => {
    try {
      return await run('cosign', [...args], { env: { ...base, ...more }, signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw new ExternalError({
        code: 'COSIGN_MISSING',
        message: `cosign cannot be run: ${errorCode(error) === 'ENOENT' ? 'it is not on the PATH' : messageOf(error)}`,
        fix: 'install cosign 2.2 or newer (https://github.com/sigstore/cosign/releases; Debian: apt install cosign)',
      });
    }
  };
  const known = new Map<Verb, Promise<readonly string[]>>();
  const settingsOf = (verb: Verb): Promise<readonly string[]> => {
    const asked =
      known.get(verb) ?? start([verb, '--help']).then(({ stdout, stderr }) => fitting(verb, stdout + stderr));
    known.set(verb, asked);
    return asked;
  };
  return {
    run: async (verb, args, more) => start([verb, ...(await settingsOf(verb)), '--timeout', TIMEOUT, ...args], more),
  };
}

function fitting(verb: Verb, help: string): readonly string[] {
  const lacks = NEEDED[verb].filter((flag) => !hasFlag(help, flag));
  if (lacks.length > 0) {
    throw new ExternalError({
      code: 'COSIGN_TOO_OLD',
      message: `the cosign on the PATH does not know ${lacks.join(', ')} for "cosign ${verb}"; wanted is 2.2 or newer`,
      fix: 'install cosign 2.2 or newer (https://github.com/sigstore/cosign/releases)',
    });
  }
  return SETTINGS[verb].filter((setting) => hasFlag(help, setting.replace(/=.*$/, '')));
}

const hasFlag = (help: string, flag: string): boolean => new RegExp(`${flag}(?=[=\\s])`).test(help);

export function pick(env: EnvSource, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

/** What cosign said when it failed, in one line and without secrets. */
export function wordsOf({ stderr, code }: RunResult, secrets: readonly string[] = []): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(WARNING|error during command|main\.go)/i.test(line));
  const words = [...new Set(lines.map((line) => line.replace(/^Error: /, '')))].join(' ');
  return words === '' ? `cosign ended with exit code ${String(code)}` : redact(words, secrets).slice(0, 400);
}
