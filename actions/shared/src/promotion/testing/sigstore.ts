import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { initializeCA, initializeCTLog, initializeTLog } from '@sigstore/mock';

/** What a certificate of Fulcio's says of a workflow, and what the statement says of the build. */
export interface AttestedBuild {
  /** `sha256:…` of the image. */
  digest: string;
  /** `https://github.com/owner/name` */
  repository: string;
  workflow: string;
  ref: string;
  commit: string;
  issuer?: string;
  predicateType?: string;
  payloadType?: string;
  /** What the statement says of the workflow, where it is not what the certificate says. */
  stated?: { repository?: string; ref?: string };
}

/** A Sigstore of one's own: a certificate authority, a log of certificates and a log of signatures, with keys made here. */
export interface TestSigstore {
  /** As `gh attestation trusted-root` prints it. */
  trustedRoot: string;
  /** A bundle as GitHub keeps it. */
  attest(build: AttestedBuild): Promise<Record<string, unknown>>;
}

/** As Rekor answers. */
interface LoggedEntry {
  body: string;
  integratedTime: number;
  logID: string;
  logIndex: number;
  verification: {
    inclusionProof: { logIndex: number; treeSize: number; rootHash: string; checkpoint: string };
    signedEntryTimestamp: string;
  };
}

const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const keys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const base64 = (bytes: ArrayBufferView | string): string =>
  (typeof bytes === 'string'
    ? Buffer.from(bytes)
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  ).toString('base64');
const sha256 = (bytes: string | Buffer): Buffer => createHash('sha256').update(bytes).digest();

export async function startSigstore(): Promise<TestSigstore> {
  const ctLog = await initializeCTLog(keys());
  const ca = await initializeCA(keys(), ctLog);
  const tlog = await initializeTLog('https://log.example.com', keys());
  const validFor = { start: '2020-01-01T00:00:00Z' };
  const publicKey = (rawBytes: Buffer) => ({
    rawBytes: base64(rawBytes),
    keyDetails: 'PKIX_ECDSA_P256_SHA_256',
    validFor,
  });
  const trustedRoot = JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      {
        baseUrl: 'https://log.example.com',
        hashAlgorithm: 'SHA2_256',
        publicKey: publicKey(tlog.publicKey),
        logId: { keyId: base64(sha256(tlog.publicKey)) },
      },
    ],
    certificateAuthorities: [
      {
        subject: { organization: 'sigstore.mock', commonName: 'sigstore' },
        uri: 'https://ca.example.com',
        certChain: { certificates: [{ rawBytes: base64(ca.rootCertificate) }] },
        validFor,
      },
    ],
    ctlogs: [
      {
        baseUrl: 'https://certificates.example.com',
        hashAlgorithm: 'SHA2_256',
        publicKey: publicKey(ctLog.publicKey),
        logId: { keyId: base64(ctLog.logID) },
      },
    ],
    timestampAuthorities: [],
  });

  return {
    trustedRoot,
    async attest(build) {
      const signer = keys();
      const payload = JSON.stringify(statementOf(build));
      const { payloadType = PAYLOAD_TYPE } = build;
      const certificate = await ca.issueCertificate({
        publicKey: signer.publicKey.export({ format: 'der', type: 'spki' }),
        subjectAltName: `${build.repository}/${build.workflow}@${build.ref}`,
        extensions: [
          { oid: '1.3.6.1.4.1.57264.1.8', value: build.issuer ?? 'https://token.actions.githubusercontent.com' },
          { oid: '1.3.6.1.4.1.57264.1.12', value: build.repository },
          { oid: '1.3.6.1.4.1.57264.1.13', value: build.commit },
          { oid: '1.3.6.1.4.1.57264.1.14', value: build.ref },
        ],
      });
      // https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
      const signed = `DSSEv1 ${payloadType.length} ${payloadType} ${Buffer.byteLength(payload)} ${payload}`;
      const signature = sign('sha256', Buffer.from(signed), signer.privateKey);
      const envelope = {
        payload: base64(payload),
        payloadType,
        signatures: [{ sig: base64(signature), keyid: '' }],
      };
      const verifier = pem(base64(certificate));
      const logged = await tlog.log({
        apiVersion: '0.0.1',
        kind: 'dsse',
        spec: {
          envelopeHash: { algorithm: 'sha256', value: sha256(JSON.stringify(envelope)).toString('hex') },
          payloadHash: { algorithm: 'sha256', value: sha256(payload).toString('hex') },
          signatures: [{ signature: base64(signature), verifier: base64(verifier) }],
        },
      });
      const entry = Object.values(logged as Record<string, LoggedEntry>)[0]!;
      const { inclusionProof, signedEntryTimestamp } = entry.verification;
      return {
        mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
        verificationMaterial: {
          certificate: { rawBytes: base64(certificate) },
          timestampVerificationData: { rfc3161Timestamps: [] },
          tlogEntries: [
            {
              logIndex: String(entry.logIndex),
              logId: { keyId: Buffer.from(entry.logID, 'hex').toString('base64') },
              kindVersion: { kind: 'dsse', version: '0.0.1' },
              integratedTime: String(entry.integratedTime),
              inclusionPromise: { signedEntryTimestamp },
              inclusionProof: {
                logIndex: String(inclusionProof.logIndex),
                rootHash: Buffer.from(inclusionProof.rootHash, 'hex').toString('base64'),
                treeSize: String(inclusionProof.treeSize),
                hashes: [],
                checkpoint: { envelope: inclusionProof.checkpoint },
              },
              canonicalizedBody: entry.body,
            },
          ],
        },
        dsseEnvelope: envelope,
      };
    },
  };
}

/** As actions/attest-build-provenance writes it, in a workflow that ci.yml called. */
const statementOf = ({ digest, repository, workflow, ref, commit, predicateType, stated }: AttestedBuild) => ({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: 'image', digest: { sha256: digest.replace('sha256:', '') } }],
  predicateType: predicateType ?? 'https://slsa.dev/provenance/v1',
  predicate: {
    buildDefinition: {
      buildType: 'https://actions.github.io/buildtypes/workflow/v1',
      externalParameters: {
        workflow: {
          ref: stated?.ref ?? ref,
          repository: stated?.repository ?? repository,
          path: '.github/workflows/ci.yml',
        },
      },
      resolvedDependencies: [{ uri: `git+${repository}@${ref}`, digest: { gitCommit: commit } }],
    },
    runDetails: { builder: { id: `${repository}/${workflow}@${ref}` } },
  },
});

const pem = (text: string): string =>
  `-----BEGIN CERTIFICATE-----\n${text.match(/.{1,64}/g)?.join('\n') ?? ''}\n-----END CERTIFICATE-----\n`;
