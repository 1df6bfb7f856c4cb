import { UserError, type EnvSource } from '@papergate/config';
import { stray, type InputsOf } from '@papergate/delivery';
import type { INPUTS } from './inputs.ts';

type Signing = Pick<InputsOf<typeof INPUTS>, 'sign' | 'sign-key' | 'sign-password'>;

const KEYS = ['COSIGN_KEY', 'COSIGN_PRIVATE_KEY', 'COSIGN_PRIVATE_KEY_FILE', 'COSIGN_PASSWORD', 'COSIGN_PASSWORD_FILE'];
const IDENTITIES = ['ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN', 'SIGSTORE_ID_TOKEN'];

/**
 * The environment in which exactly what the inputs ask for is found to sign with.
 * @throws UserError INPUT_INVALID, SIGN_IDENTITY_MISSING, SIGN_KEY_MISSING
 */
export function signingEnvironment(env: EnvSource, inputs: Signing): EnvSource {
  const { sign, 'sign-key': key, 'sign-password': password } = inputs;
  if (sign === 'none' || sign === 'identity') {
    if (key !== undefined) throw stray('sign-key', `signing with it, and sign is ${sign}`, 'set sign: key');
  }
  if (password !== undefined && key === undefined)
    throw stray('sign-password', 'a sign-key, and there is none', 'add it');
  const all: Record<string, string | undefined> = { ...env };
  if (key !== undefined) {
    for (const name of KEYS) delete all[name];
    all['COSIGN_PRIVATE_KEY'] = key.reveal();
    if (password !== undefined) all['COSIGN_PASSWORD'] = password.reveal().trim();
  }
  if (sign === 'none' || sign === 'identity') for (const name of KEYS) delete all[name];
  if (sign === 'none' || sign === 'key') for (const name of IDENTITIES) delete all[name];
  if (sign === 'key' && !KEYS.slice(0, 3).some((name) => isGiven(all, name))) {
    throw missing('SIGN_KEY_MISSING', 'key, and there is no key', 'give sign-key');
  }
  if (sign === 'identity' && !IDENTITIES.some((name) => isGiven(all, name))) {
    const why = 'identity, and the job has none';
    throw missing('SIGN_IDENTITY_MISSING', why, 'give the job "permissions: id-token: write"');
  }
  return all;
}

const isGiven = (env: EnvSource, name: string): boolean => (env[name] ?? '') !== '';

const missing = (code: string, found: string, fix: string): UserError =>
  new UserError({ code, message: `input sign is ${found} to sign with`, fix: `${fix}, or set sign: none` });
