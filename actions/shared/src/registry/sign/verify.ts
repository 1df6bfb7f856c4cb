import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExternalError, UserError, type EnvSource } from '@papergate/config';
import type { Check } from '../../evidence/index.ts';
import { imageName, type Manifest } from '../../release/manifest.ts';
import { releaseArtifactOf } from '../artifact/manifest.ts';
import { PROVENANCE_TYPE } from '../attest/provenance.ts';
import { findCosign, wordsOf, type Cosign } from './cosign.ts';

export interface SignaturePolicy {
  /** Nothing unsigned is deployed. */
  required: boolean;
  /** Public key: its path, a KMS address, or the PEM text itself. */
  publicKey?: string | undefined;
  /** Of a keyless signature: who signed (`https://github.com/owner/name/.github/workflows/…@refs/heads/main`) … */
  identity?: string | undefined;
  /** … and who vouched for them (`https://token.actions.githubusercontent.com`). */
  issuer?: string | undefined;
  /** The key's signatures must be in the public transparency log too. */
  publicLog?: boolean;
}

export interface VerifySignaturesOptions {
  manifest: Manifest;
  policy: SignaturePolicy;
  env: EnvSource;
  signal?: AbortSignal | undefined;
}

/**
 * Whether the release is signed as the policy wants it: its manifest (which names every image by digest, those of
 * others included), each image that we built, and each one's SBOM and provenance; the provenance must be of this
 * commit. Where signatures are not required but a key is given, what is unsigned passes and says so, and what is
 * signed by somebody else fails.
 * @throws UserError SIGNATURE_POLICY_INVALID; ExternalError COSIGN_MISSING, COSIGN_TOO_OLD, REGISTRY_UNREACHABLE
 */
export async function verifySignatures(options: VerifySignaturesOptions): Promise<Check[]> {
  const { manifest, policy, env, signal } = options;
  checkPolicy(policy);
  const { publicKey, identity, issuer, required } = policy;
  if (publicKey === undefined && identity === undefined) {
    return [
      {
        name: 'signatures',
        status: 'passed',
        observed: 'not looked at',
        detail: 'none are required, and there is no key to hold them against',
      },
    ];
  }
  const release = releaseArtifactOf(manifest);
  if (release === undefined) {
    const detail = 'the manifest does not name images of one registry, so there is nothing that could be signed';
    return [{ name: 'signatures', status: required ? 'failed' : 'passed', observed: 'unsigned', detail }];
  }
  const dir = await mkdtemp(join(tmpdir(), 'papergate-verify-'));
  try {
    const verifier: Verifier = {
      cosign: findCosign(env, signal),
      required,
      commit: manifest.commit,
      args:
        publicKey === undefined
          ? ['--certificate-identity', identity ?? '', '--certificate-oidc-issuer', issuer ?? '']
          : [
              '--key',
              await keyPath(publicKey, dir),
              ...(policy.publicLog === true ? [] : ['--insecure-ignore-tlog=true']),
            ],
    };
    const checks = [await verifySigned(verifier, 'signature of the manifest', imageName(release))];
    // Some at a time: each is a process of its own.
    const images = Object.entries(manifest.images ?? {}).filter(([service]) => service in manifest.services);
    for (const [service, ref] of images.sort(([a], [b]) => (a < b ? -1 : 1))) {
      const image = imageName(ref);
      checks.push(
        ...(await Promise.all([
          verifySigned(verifier, `signature of ${service}`, image),
          verifyAttested(verifier, `signed SBOM of ${service}`, image, 'spdxjson'),
          verifyAttested(verifier, `signed provenance of ${service}`, image, 'slsaprovenance1'),
        ])),
      );
    }
    return checks;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

interface Verifier {
  cosign: Cosign;
  required: boolean;
  commit: string;
  args: readonly string[];
}

function checkPolicy({ required, publicKey, identity, issuer }: SignaturePolicy): void {
  const problem =
    publicKey !== undefined && (identity !== undefined || issuer !== undefined)
      ? 'names both a key and an identity'
      : (identity === undefined) !== (issuer === undefined)
        ? `names an ${identity === undefined ? 'issuer without an identity' : 'identity without an issuer'}`
        : required && publicKey === undefined && identity === undefined
          ? 'requires signatures and does not say whose'
          : publicKey === '' || identity === '' || issuer === ''
            ? 'has an empty key, identity or issuer'
            : undefined;
  if (problem === undefined) return;
  throw new UserError({
    code: 'SIGNATURE_POLICY_INVALID',
    message: `the policy for signatures ${problem}; allowed: a public key, or an identity with its issuer`,
    fix: 'give --require-signature KEY, or the identity and issuer of the workflow that signs',
  });
}

async function keyPath(publicKey: string, dir: string): Promise<string> {
  if (!publicKey.includes('-----BEGIN')) return publicKey;
  const path = join(dir, 'cosign.pub');
  await writeFile(path, publicKey);
  return path;
}

async function verifySigned(verifier: Verifier, name: string, image: string): Promise<Check> {
  const result = await verifier.cosign.run('verify', ['--output', 'json', ...verifier.args, image]);
  if (result.code === 0) return { name, status: 'passed', observed: 'signed', detail: image };
  return refusal(verifier, name, image, wordsOf(result));
}

async function verifyAttested(verifier: Verifier, name: string, image: string, type: string): Promise<Check> {
  const result = await verifier.cosign.run('verify-attestation', [
    '--type',
    type,
    '--output',
    'json',
    ...verifier.args,
    image,
  ]);
  if (result.code !== 0) return refusal(verifier, name, image, wordsOf(result));
  const problem = type === 'slsaprovenance1' ? foreignCommit(result.stdout, verifier.commit) : undefined;
  if (problem === undefined) return { name, status: 'passed', observed: 'signed', detail: image };
  return {
    name,
    status: 'failed',
    observed: problem,
    limit: verifier.commit,
    detail: `${image} was built from another commit`,
  };
}

/** cosign has held the envelope against the key and the image; which commit it tells of is for us to read. */
function foreignCommit(envelopes: string, commit: string): string | undefined {
  const commits = envelopes
    .trim()
    .split('\n')
    .map((line) => {
      try {
        const { payload } = JSON.parse(line) as { payload: string };
        const statement = JSON.parse(Buffer.from(payload, 'base64').toString('utf8')) as {
          predicateType?: string;
          predicate?: { buildDefinition?: { externalParameters?: { source?: { digest?: { gitCommit?: string } } } } };
        };
        if (statement.predicateType !== PROVENANCE_TYPE) return 'not a SLSA v1 provenance';
        return statement.predicate?.buildDefinition?.externalParameters?.source?.digest?.gitCommit ?? 'no commit';
      } catch {
        return 'unreadable';
      }
    });
  return commits.includes(commit) ? undefined : commits.join(', ').slice(0, 200);
}

function refusal({ required }: Verifier, name: string, image: string, words: string): Check {
  if (
    /dial tcp|connection refused|no such host|i\/o timeout|deadline exceeded|connection reset|status code 5\d\d/i.test(
      words,
    )
  ) {
    throw new ExternalError({
      code: 'REGISTRY_UNREACHABLE',
      message: `the signature of ${image} could not be looked up: ${words}`,
      fix: 'check the address, that the registry runs, and the network and proxy between',
    });
  }
  if (/loading public key|unsupported pem|open \S+: no such file|pem decoding/i.test(words)) {
    throw new UserError({
      code: 'SIGNATURE_POLICY_INVALID',
      message: `the public key to hold signatures against cannot be used: ${words}`,
      fix: 'give the .pub file that "cosign generate-key-pair" made beside the private key',
    });
  }
  const absent =
    /no signatures found|no matching attestations:\s*$|none of the attestations matched|no attestations|MANIFEST_UNKNOWN|not found/i.test(
      words,
    );
  if (absent && !required) return { name, status: 'passed', observed: 'unsigned', detail: `not required: ${words}` };
  return {
    name,
    status: 'failed',
    observed: absent ? 'unsigned' : 'not by this key or identity',
    limit: 'signed',
    detail: `${image}: ${words}`,
  };
}
