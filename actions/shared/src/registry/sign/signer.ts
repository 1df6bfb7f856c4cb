import { basename } from 'node:path';
import { readSecret, type EnvSource, type Secret } from '@papergate/config';
import { pick } from './cosign.ts';

/** What a release is signed with. */
export interface Signer {
  kind: 'key' | 'identity';
  /** For people: never the key itself. */
  description: string;
  args: readonly string[];
  /** What cosign's environment gets for it: the password of the key, the token of the identity, access to a KMS. */
  env: Readonly<Record<string, string>>;
  secrets: readonly string[];
}

export interface SignerOptions {
  env: EnvSource;
  /** Path or KMS address of the key; goes before the environment. */
  key?: string | undefined;
  /** Enters key signatures in the public transparency log as well. An identity's always are. */
  publicLog?: boolean;
}

const KMS = /^(awskms|gcpkms|azurekms|hashivault|k8s|pkcs11|gitlab|github):\/\//;
/** Where the clouds' key services look for access. */
const KMS_PREFIXES = /^(AWS_|GOOGLE_|CLOUDSDK_|AZURE_|VAULT_|TRANSIT_|KUBE|GITLAB_|GITHUB_TOKEN$)/;
const IDENTITY = ['ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN', 'SIGSTORE_ID_TOKEN'] as const;

/**
 * The key or identity that is there to sign with, in this order: `key`, `COSIGN_KEY` (path, KMS address or the key
 * itself), `COSIGN_PRIVATE_KEY_FILE`, `COSIGN_PRIVATE_KEY`; `COSIGN_PASSWORD` or `COSIGN_PASSWORD_FILE` opens it. Else an OIDC
 * identity: GitHub's (`permissions: id-token: write`) or `SIGSTORE_ID_TOKEN`. Undefined where there is none.
 * @throws UserError ENV_INVALID where a variable and its _FILE are both set
 */
export function findSigner({ env, key, publicLog = false }: SignerOptions): Signer | undefined {
  const found = key ?? env['COSIGN_KEY'] ?? env['COSIGN_PRIVATE_KEY_FILE'];
  const text =
    found?.includes('-----BEGIN') === true ? found : found === undefined ? env['COSIGN_PRIVATE_KEY'] : undefined;
  if (found !== undefined && found !== '' && text === undefined) return keySigner(env, found, {}, publicLog);
  if (text !== undefined && text !== '') {
    return keySigner(env, 'env://COSIGN_PRIVATE_KEY', { COSIGN_PRIVATE_KEY: text }, publicLog);
  }
  const identity = pick(env, IDENTITY);
  const hasGitHub = 'ACTIONS_ID_TOKEN_REQUEST_URL' in identity && 'ACTIONS_ID_TOKEN_REQUEST_TOKEN' in identity;
  if (!hasGitHub && !('SIGSTORE_ID_TOKEN' in identity)) return undefined;
  return {
    kind: 'identity',
    description: hasGitHub ? 'the identity of this GitHub workflow' : 'the identity of SIGSTORE_ID_TOKEN',
    args: [],
    env: { ...identity, ...pick(env, ['GITHUB_ACTIONS']) },
    secrets: Object.values(identity),
  };
}

function keySigner(env: EnvSource, key: string, more: Record<string, string>, publicLog: boolean): Signer {
  const password: Secret | undefined = readSecret(env, 'COSIGN_PASSWORD');
  const access = KMS.test(key)
    ? Object.fromEntries(
        Object.entries(env).flatMap(([name, value]) =>
          KMS_PREFIXES.test(name) && value !== undefined ? [[name, value]] : [],
        ),
      )
    : {};
  return {
    kind: 'key',
    description: key.startsWith('env://')
      ? 'the key in COSIGN_PRIVATE_KEY'
      : `the key ${KMS.test(key) ? key : basename(key)}`,
    args: ['--key', key, `--tlog-upload=${String(publicLog)}`],
    // Set in any case: without it cosign would wait for somebody to type one.
    env: { ...access, ...more, COSIGN_PASSWORD: password?.reveal() ?? '' },
    secrets: [password?.reveal() ?? '', ...Object.values(more), ...Object.values(access)].filter(
      (one) => one.length >= 4,
    ),
  };
}
