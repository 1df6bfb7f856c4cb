import type { FakeRepository } from '../../../github/fake/index.ts';
import { withImages } from '../../../release/manifest.ts';
import type { BadCase } from '../cases.ts';
import type { AttestedBuild } from '../sigstore.ts';
import { ago, bom, build, commit, digest, RELEASE, vulnerability, type World } from '../world.ts';

const ENGINE = RELEASE.images!['execution-engine']!.digest;

const audit =
  (to: object) =>
  ({ files }: World) =>
    void (files.dependencyAudit = { ...(files.dependencyAudit as object), ...to });
const image =
  (value: unknown) =>
  ({ files }: World) =>
    void files.imageAudits.set('execution-engine.cdx.json', value);

type Bundle = FakeRepository['attestations'][number]['bundle'];
/** The bundle of the order writer's image, changed or made anew. */
const bundle =
  (to: (old: Bundle, world: World) => Bundle | Promise<Record<string, unknown>>) =>
  async (world: World): Promise<void> => {
    const one = world.repository.attestations.find(({ subject_digest }) => subject_digest === ENGINE)!;
    const copy = structuredClone(one);
    copy.bundle = (await to(copy.bundle, world)) as Bundle;
    world.repository.attestations = world.repository.attestations.map((other) => (other === one ? copy : other));
  };
const attested = (by: Partial<AttestedBuild>) =>
  bundle(async (_old, { sigstore }) => sigstore.attest({ ...build(ENGINE), ...by }));

const sarif = (score: string, more: object = {}) => ({
  version: '2.1.0',
  runs: [
    {
      tool: { driver: { name: 'scanner', rules: [{ id: 'CVE-1', properties: { 'security-severity': score } }] } },
      invocations: [{ executionSuccessful: true, endTimeUtc: ago(1) }],
      properties: { repoDigests: [`ghcr.io/acme/execution-engine@${ENGINE}`] },
      results: [{ ruleId: 'CVE-1', level: 'error' }],
      ...more,
    },
  ],
});

/** What the release is made of, and who made it. */
export const SUPPLY_CASES: BadCase[] = [
  {
    title: 'a dependency is vulnerable',
    rule: 'dependency-audit',
    code: 'DEPENDENCY_AUDIT_VULNERABLE',
    spoil: audit({
      report: {
        auditReportVersion: 2,
        vulnerabilities: { leftpad: { severity: 'high' } },
        metadata: {
          vulnerabilities: { info: 0, low: 0, moderate: 0, high: 1, critical: 0, total: 1 },
          dependencies: { total: 321 },
        },
      },
    }),
  },
  {
    title: 'the audit counts nothing and names a hole',
    rule: 'dependency-audit',
    code: 'DEPENDENCY_AUDIT_VULNERABLE',
    spoil: audit({
      report: {
        auditReportVersion: 2,
        vulnerabilities: { leftpad: { severity: 'critical' } },
        metadata: {
          vulnerabilities: { info: 0, low: 0, moderate: 0, high: 0, critical: 0, total: 0 },
          dependencies: { total: 321 },
        },
      },
    }),
  },
  {
    title: 'the registry has no audit',
    rule: 'dependency-audit',
    code: 'DEPENDENCY_AUDIT_MISSING',
    spoil: audit({ report: { message: '404 Not Found', error: { code: 'ENOAUDIT', summary: 'no endpoint' } } }),
  },
  {
    title: 'the audit looked at nothing',
    rule: 'dependency-audit',
    code: 'DEPENDENCY_AUDIT_MISSING',
    spoil: audit({
      report: {
        auditReportVersion: 2,
        vulnerabilities: {},
        metadata: {
          vulnerabilities: { info: 0, low: 0, moderate: 0, high: 0, critical: 0, total: 0 },
          dependencies: { total: 0 },
        },
      },
    }),
  },
  {
    title: 'the audit is about another lock file',
    rule: 'dependency-audit',
    code: 'DEPENDENCY_AUDIT_OTHER_LOCKFILE',
    spoil: audit({ lockfile_digest: digest('e') }),
  },
  {
    title: 'the audit is a day old',
    rule: 'dependency-audit',
    code: 'DEPENDENCY_AUDIT_STALE',
    spoil: audit({ taken_at: ago(24.1) }),
  },
  {
    title: 'the audit is of tomorrow',
    rule: 'dependency-audit',
    code: 'DEPENDENCY_AUDIT_STALE',
    spoil: audit({ taken_at: ago(-24) }),
  },
  {
    title: 'the audit is undated',
    rule: 'dependency-audit',
    code: 'DEPENDENCY_AUDIT_STALE',
    spoil: audit({ taken_at: 'this morning' }),
  },
  {
    title: 'an image is vulnerable',
    rule: 'image-audit',
    code: 'IMAGE_AUDIT_VULNERABLE',
    spoil: image(bom(ENGINE, [vulnerability('critical')])),
  },
  {
    title: 'an image has a hole that nobody has rated',
    rule: 'image-audit',
    code: 'IMAGE_AUDIT_VULNERABLE',
    spoil: image(bom(ENGINE, [{ id: 'CVE-2026-1' }])),
  },
  {
    title: 'a hole is called harmless without a reason',
    rule: 'image-audit',
    code: 'IMAGE_AUDIT_VULNERABLE',
    spoil: image(bom(ENGINE, [vulnerability('high', { state: 'not_affected' })])),
  },
  {
    title: 'an image is vulnerable by its SARIF',
    rule: 'image-audit',
    code: 'IMAGE_AUDIT_VULNERABLE',
    spoil: image(sarif('7.0')),
  },
  {
    title: 'somebody asked that a finding be left out, and nobody has agreed',
    rule: 'image-audit',
    code: 'IMAGE_AUDIT_VULNERABLE',
    spoil: image(
      sarif('9.1', {
        results: [{ ruleId: 'CVE-1', suppressions: [{ status: 'underReview', justification: 'not reachable' }] }],
      }),
    ),
  },
  {
    title: 'the scan of an image did not succeed',
    rule: 'image-audit',
    code: 'IMAGE_AUDIT_UNREADABLE',
    spoil({ files }) {
      files.imageAudits.set('more.sarif', sarif('1', { invocations: [{ executionSuccessful: false }] }));
    },
  },
  {
    title: 'the result of an image says nothing of when',
    rule: 'image-audit',
    code: 'IMAGE_AUDIT_STALE',
    spoil({ files }) {
      const value = bom(ENGINE);
      files.imageAudits.set('execution-engine.cdx.json', {
        ...value,
        metadata: { component: value.metadata.component },
      });
    },
  },
  {
    title: 'the result of an image is older than a day',
    rule: 'image-audit',
    code: 'IMAGE_AUDIT_STALE',
    spoil: image(bom(ENGINE, [], ago(25))),
  },
  {
    title: 'an image was not looked at',
    rule: 'image-audit',
    code: 'IMAGE_AUDIT_MISSING',
    spoil: ({ files }) => void files.imageAudits.delete('postgres.cdx.json'),
  },
  {
    title: 'a bill of materials was never held against anything',
    rule: 'image-audit',
    code: 'IMAGE_AUDIT_UNREADABLE',
    spoil({ files }) {
      const { vulnerabilities: _none, ...rest } = bom(ENGINE);
      files.imageAudits.set('more.cdx.json', rest);
    },
  },
  {
    title: 'an image has no attestation',
    rule: 'attestation',
    code: 'ATTESTATION_MISSING',
    spoil: ({ repository }) => void repository.attestations.pop(),
  },
  {
    title: 'the image is attested by another workflow of ours',
    rule: 'attestation',
    code: 'ATTESTATION_INVALID',
    spoil: attested({ workflow: '.github/workflows/ci.yml' }),
  },
  {
    title: 'the image is attested from a branch',
    rule: 'attestation',
    code: 'ATTESTATION_INVALID',
    spoil: attested({ ref: 'refs/heads/main2' }),
  },
  {
    title: 'the image is attested by another repository',
    rule: 'attestation',
    code: 'ATTESTATION_INVALID',
    spoil: attested({ repository: 'https://github.com/mallory/trading' }),
  },
  {
    title: 'the image is attested from another commit',
    rule: 'attestation',
    code: 'ATTESTATION_INVALID',
    spoil: attested({ commit: commit('e') }),
  },
  {
    title: 'the attestation is about another image',
    rule: 'attestation',
    code: 'ATTESTATION_INVALID',
    spoil: attested({ digest: digest('e') }),
  },
  {
    title: 'the statement names a workflow of another repository than the certificate',
    rule: 'attestation',
    code: 'ATTESTATION_INVALID',
    spoil: attested({ stated: { repository: 'https://github.com/mallory/trading' } }),
  },
  {
    title: 'the payload is of another type',
    rule: 'attestation',
    code: 'ATTESTATION_INVALID',
    spoil: attested({ payloadType: 'text/plain' }),
  },
  {
    title: 'somebody else vouches for the workflow',
    rule: 'attestation',
    code: 'ATTESTATION_INVALID',
    spoil: attested({ issuer: 'https://issuer.example.com' }),
  },
  {
    title: 'the attestation states something else',
    rule: 'attestation',
    code: 'ATTESTATION_INVALID',
    spoil: attested({ predicateType: 'https://example.com/other' }),
  },
  {
    title: 'the statement was changed after it was signed',
    rule: 'attestation',
    code: 'ATTESTATION_INVALID',
    spoil: bundle((old) => {
      const envelope = (old as { dsseEnvelope: { payload: string } }).dsseEnvelope;
      const text = Buffer.from(envelope.payload, 'base64').toString('utf8');
      envelope.payload = Buffer.from(text.replace('image', 'Image')).toString('base64');
      return old;
    }),
  },
  {
    title: 'the attestation is in no log',
    rule: 'attestation',
    code: 'ATTESTATION_INVALID',
    spoil: bundle((old) => {
      (old as { verificationMaterial: { tlogEntries: unknown[] } }).verificationMaterial.tlogEntries = [];
      return old;
    }),
  },
  ...(['min_log_entries', 'min_certificate_log_entries', 'min_timestamps'] as const).map((key): BadCase => ({
    title: `one more is wanted by ${key} than the attestation has`,
    rule: 'attestation',
    code: 'ATTESTATION_INVALID',
    spoil: ({ config }) => void (config.attestation[key] = 2),
  })),
  {
    title: 'the attestation is signed by a Sigstore of somebody else',
    rule: 'attestation',
    code: 'ATTESTATION_INVALID',
    spoil: async ({ files }) => {
      const { startSigstore } = await import('../sigstore.ts');
      files.trustedRoot = (await startSigstore()).trustedRoot;
    },
  },
  {
    title: 'the attestation is no bundle',
    rule: 'attestation',
    code: 'ATTESTATION_INVALID',
    spoil: bundle(() => ({ mediaType: 'text/plain' })),
  },
  {
    title: 'the trusted root is none',
    rule: 'attestation',
    code: 'TRUSTED_ROOT_INVALID',
    spoil: ({ files }) => void (files.trustedRoot = '{"tlogs": 1}'),
  },
  {
    title: 'the trusted root is empty',
    rule: 'attestation',
    code: 'TRUSTED_ROOT_INVALID',
    spoil: ({ files }) => void (files.trustedRoot = '\n'),
  },
  {
    title: 'attestations cannot be read',
    rule: 'attestation',
    code: 'GITHUB_FORBIDDEN',
    spoil: (world) =>
      void (world.fault = {
        kind: 'status',
        status: 403,
        route: 'GET /repos/{owner}/{repo}/attestations/{subject_digest}',
      }),
  },
  {
    title: 'the release has no images',
    rule: 'attestation',
    code: 'ATTESTATION_MISSING',
    also: ['staging-proof', 'evidence', 'soak', 'image-audit', 'wait-timer'],
    spoil: (world) => void (world.manifest = withImages(RELEASE, {})),
  },
];
