import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExternalError, UserError, type EnvSource } from '@papergate/config';
import { classifyWords, RegistryFailure } from '../retry/failure.ts';
import { withRetries, type RetryOptions } from '../retry/schedule.ts';
import { findCosign, wordsOf, type Cosign } from './cosign.ts';
import type { Signer } from './signer.ts';

export interface SignOptions extends Omit<RetryOptions, 'onRetry'> {
  /** `repository@sha256:…` of all images. */
  images: readonly string[];
  /** `repository@sha256:…` of the release's manifest. */
  manifest: string;
  /** SPDX JSON. */
  sbom: Uint8Array;
  /** SLSA v1 predicate. */
  provenance: Record<string, unknown>;
  signer: Signer;
  env: EnvSource;
}

/**
 * Signs every image and the manifest, and attests SBOM and provenance of each image under the same key or identity.
 * Repeating it adds nothing: attestations replace their predecessors; so what the
 * table of failures says may go away is tried again.
 * @throws UserError SIGNING_REFUSED (key, password); ExternalError SIGNING_FAILED, COSIGN_MISSING, COSIGN_TOO_OLD
 */
export async function sign(options: SignOptions): Promise<void> {
  const { images, manifest, sbom, provenance, env, signal } = options;
  const cosign = findCosign(env, signal);
  const dir = await mkdtemp(join(tmpdir(), 'papergate-sign-'));
  try {
    const sbomFile = join(dir, 'sbom.spdx.json');
    const provenanceFile = join(dir, 'provenance.json');
    await Promise.all([writeFile(sbomFile, sbom), writeFile(provenanceFile, JSON.stringify(provenance))]);
    await act(cosign, options, 'sign', [...images, manifest]);
    // One after the other: both write to the same tag of an image.
    await act(cosign, options, 'attest', ['--replace', '--type', 'spdxjson', '--predicate', sbomFile, ...images]);
    await act(cosign, options, 'attest', [
      '--replace',
      '--type',
      'slsaprovenance1',
      '--predicate',
      provenanceFile,
      ...images,
    ]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function act(
  cosign: Cosign,
  options: SignOptions,
  verb: 'sign' | 'attest',
  args: readonly string[],
): Promise<void> {
  const { signer } = options;
  const once = async (): Promise<void> => {
    const result = await cosign.run(verb, ['--yes', ...signer.args, ...args], signer.env);
    if (result.code === 0) return;
    const words = wordsOf(result, signer.secrets);
    if (/reading key|decrypt|no such file|unsupported pem|loading key/i.test(words)) throw refused(signer, words);
    throw new RegistryFailure(classifyWords(words), words);
  };
  await withRetries(once, options, ({ failure, tries }) =>
    failure instanceof RegistryFailure
      ? new ExternalError({
          code: 'SIGNING_FAILED',
          message: `cosign ${verb} with ${signer.description} failed: ${failure.message}${tries > 1 ? ` (tried ${tries} times)` : ''}`,
          fix: 'the images are pushed but not signed; mend what cosign says and push again',
        })
      : failure,
  );
}

function refused({ description }: Signer, words: string): UserError {
  return new UserError({
    code: 'SIGNING_REFUSED',
    message: `${description} cannot be used to sign: ${words}`,
    fix: 'give a private key that "cosign generate-key-pair" made, and its password in COSIGN_PASSWORD or COSIGN_PASSWORD_FILE',
  });
}
