import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { messageOf, UserError } from '@papergate/config';
import type { AttestationBundle } from '../../../github/runs.ts';
import type { GateConfig } from '../../config.ts';

/** What an attestation has to say, all of it. */
export interface Wanted {
  /** `sha256:…` of the image. */
  digest: string;
  predicateType: string;
  /** `https://github.com/owner/name`. */
  repository: string;
  /** `.github/workflows/deploy-staging.yml` */
  workflow: string;
  /** `refs/heads/main` */
  ref: string;
  issuer: string;
  /** 40 hex digits. */
  commit: string;
}

export interface AttestationVerifier {
  /** Why a bundle does not prove it; undefined where it does. Throws where a signature, certificate or entry does not hold. */
  doubtAbout(bundle: AttestationBundle, wanted: Wanted): string | undefined;
}

/**
 * What Fulcio writes into a certificate of a workflow, out of the token that GitHub signed
 * (https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md); values are DER, UTF8String.
 */
const CLAIMS = {
  repository: '1.3.6.1.4.1.57264.1.12',
  commit: '1.3.6.1.4.1.57264.1.13',
  ref: '1.3.6.1.4.1.57264.1.14',
} as const;

const Subject = Type.Object({ digest: Type.Record(Type.String(), Type.String()) });
const StatementSchema = Type.Object({
  _type: Type.String({ pattern: '^https://in-toto\\.io/Statement/v' }),
  subject: Type.Array(Subject),
  predicateType: Type.String(),
  predicate: Type.Object({
    buildDefinition: Type.Object({
      externalParameters: Type.Object({
        workflow: Type.Optional(Type.Object({ ref: Type.String(), repository: Type.String(), path: Type.String() })),
      }),
    }),
  }),
});
const PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/**
 * Verifies Sigstore bundles against trusted roots, one JSON a line as `gh attestation trusted-root` prints them: the public
 * instance's and GitHub's own, which signs for private repositories.
 * @throws UserError TRUSTED_ROOT_INVALID
 */
export async function openVerifier(
  trustedRoots: string,
  config: Pick<GateConfig['attestation'], 'min_timestamps' | 'min_log_entries' | 'min_certificate_log_entries'>,
): Promise<AttestationVerifier> {
  // Loaded here and not above: only a gate of production needs them.
  const [{ Verifier, toSignedEntity, toTrustMaterial }, { bundleFromJSON }, { TrustedRoot }] = await Promise.all([
    import('@sigstore/verify'),
    import('@sigstore/bundle'),
    import('@sigstore/protobuf-specs'),
  ]);
  const thresholds = {
    timestampThreshold: config.min_timestamps,
    tlogThreshold: config.min_log_entries,
    ctlogThreshold: config.min_certificate_log_entries,
  };
  const verifiers = trustedRoots
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      try {
        const root = TrustedRoot.fromJSON(JSON.parse(line));
        if (root.certificateAuthorities.length === 0) throw new Error('it names no certificate authority');
        return new Verifier(toTrustMaterial(root), thresholds);
      } catch (error) {
        throw invalidRoot(messageOf(error), error);
      }
    });
  if (verifiers.length === 0) throw invalidRoot('it is empty', undefined);

  return {
    doubtAbout(raw, wanted) {
      const bundle = bundleFromJSON(raw);
      if (bundle.content.$case !== 'dsseEnvelope') return 'it is no signed statement';
      const { payload, payloadType } = bundle.content.dsseEnvelope;
      const entity = toSignedEntity(bundle);
      const failures: unknown[] = [];
      for (const verifier of verifiers) {
        try {
          const { identity } = verifier.verify(entity);
          return (
            doubtAboutSigner(identity, wanted) ??
            (payloadType === PAYLOAD_TYPE ? doubtAboutStatement(payload, wanted) : `its payload is ${payloadType}`)
          );
        } catch (error) {
          failures.push(error);
        }
      }
      return failures.map((error) => messageOf(error)).join('; ');
    },
  };
}

interface Identity {
  subjectAlternativeName?: string;
  extensions?: { issuer?: string };
  oids?: { oid: { id: number[] } | undefined; value: Buffer }[];
}

function doubtAboutSigner(identity: Identity | undefined, wanted: Wanted): string | undefined {
  const { repository, workflow, ref, commit, issuer } = wanted;
  const claim = (oid: string): string | undefined => {
    const found = identity?.oids?.find((one) => one.oid?.id.join('.') === oid);
    return found === undefined ? undefined : utf8Of(found.value);
  };
  const facts: readonly [string, string | undefined, string][] = [
    ['signed by', identity?.subjectAlternativeName, `${repository}/${workflow}@${ref}`],
    ['vouched for by', identity?.extensions?.issuer, issuer],
    ['for the repository', claim(CLAIMS.repository), repository],
    ['from the commit', claim(CLAIMS.commit), commit],
    ['for', claim(CLAIMS.ref), ref],
  ];
  const wrong = facts.find(([, found, expected]) => found !== expected);
  return wrong === undefined ? undefined : `it is ${wrong[0]} ${wrong[1] ?? 'nobody'}, wanted ${wrong[2]}`;
}

/** A UTF8String in DER, of less than 128 bytes or with its length in one or two bytes. */
function utf8Of(der: Buffer): string | undefined {
  if (der[0] !== 0x0c) return undefined;
  const first = der[1] ?? 0;
  const lengthBytes = first < 0x80 ? 0 : first - 0x80;
  const length = lengthBytes === 0 ? first : Number.parseInt(der.subarray(2, 2 + lengthBytes).toString('hex'), 16);
  const text = der.subarray(2 + lengthBytes);
  return text.length === length ? text.toString('utf8') : undefined;
}

function doubtAboutStatement(payload: Buffer, wanted: Wanted): string | undefined {
  const statement = parse(payload);
  if (!Value.Check(StatementSchema, statement)) return 'its statement is no in-toto statement of a build';
  if (statement.predicateType !== wanted.predicateType) return `it states ${statement.predicateType}`;
  const hex = wanted.digest.replace(/^sha256:/, '');
  if (!statement.subject.some(({ digest }) => digest['sha256'] === hex)) return 'it is about another subject';
  const { workflow } = statement.predicate.buildDefinition.externalParameters;
  // The path is that of the workflow that was started, which may have called the one that signed.
  if (workflow === undefined) return undefined;
  const named = `${workflow.repository} at ${workflow.ref}`;
  const expected = `${wanted.repository} at ${wanted.ref}`;
  return named === expected ? undefined : `it states a workflow of ${named}, wanted ${expected}`;
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
}

const invalidRoot = (why: string, cause: unknown): UserError =>
  new UserError({
    code: 'TRUSTED_ROOT_INVALID',
    message: `the trusted root of Sigstore cannot be used: ${why}`,
    fix: 'write it anew: gh attestation trusted-root > trusted_root.jsonl',
    cause,
  });
