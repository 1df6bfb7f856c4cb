import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sealManifest } from '../../release/manifest.ts';
import { dockerConfig, program } from '../testing/docker-config.ts';
import { sign } from './sign.ts';
import { findSigner } from './signer.ts';
import { verifySignatures, type SignaturePolicy } from './verify.ts';

const PASSWORD = ['sentinel', 'password'].join('-');
const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const FLAGS_2 =
  '--tlog-upload=true: --key= --predicate= --replace=false: --insecure-ignore-tlog=false: --certificate-identity= --certificate-oidc-issuer= --type=';
const FLAGS_3 = `${FLAGS_2} --use-signing-config=true: --new-bundle-format=true:`;

let dir: string;
let remove: () => void;
let env: Record<string, string>;
beforeEach(() => {
  ({ dir, remove } = dockerConfig({}));
  env = { PATH: `${dir}:/usr/bin:/bin`, COSIGN_KEY: 'cosign.key', COSIGN_PASSWORD: PASSWORD };
});
afterEach(() => remove());

/** A cosign that knows these flags, writes down how it was called, and then does this. */
const cosign = (flags: string, script: string): void =>
  program(
    dir,
    'cosign',
    `case "$2" in --help) echo "${flags}"; exit;; esac
echo "$@" >>"$(dirname "$0")/calls"; env >"$(dirname "$0")/environment"
${script}`,
  );
const calls = (): string[] => readFileSync(`${dir}/calls`, 'utf8').trim().split('\n');

async function signed(): Promise<void> {
  const signer = findSigner({ env });
  if (signer === undefined) throw new Error('no signer');
  await sign({
    images: [`r/a@${digest('1')}`, `r/b@${digest('2')}`],
    manifest: `r/release@${digest('3')}`,
    sbom: new TextEncoder().encode('{}'),
    provenance: {},
    signer,
    env,
    policy: { tries: 3, baseMs: 1, capMs: 1, retryAfterMaxMs: 0 },
    sleep: () => Promise.resolve(),
  });
}

const manifest = sealManifest({
  commit: 'ab'.repeat(20),
  services: { a: { entry: 'x', digest: digest('a') } },
  config_digest: digest('c'),
  lockfile_digest: digest('d'),
  schema_version: '0001',
  images: {
    a: { repository: 'registry.example/team/a', digest: digest('1') },
    postgres: { repository: 'docker.io/library/postgres', digest: digest('2') },
  },
});
const verified = (policy: SignaturePolicy) => verifySignatures({ manifest, policy, env });
const KEY: SignaturePolicy = { required: true, publicKey: 'cosign.pub' };

describe('signing with cosign', () => {
  test('signs images and manifest, then attests SBOM and provenance of each image', async () => {
    cosign(FLAGS_2, 'exit 0');
    await signed();
    const all = calls();
    expect(all).toHaveLength(3);
    expect(all[0]).toMatch(
      /^sign --timeout 2m --yes --key cosign.key --tlog-upload=false r\/a@\S+ r\/b@\S+ r\/release@\S+$/,
    );
    expect(all[1]).toMatch(/^attest .*--replace --type spdxjson --predicate \S+ r\/a@\S+ r\/b@\S+$/);
    expect(all[2]).toMatch(/^attest .*--replace --type slsaprovenance1 --predicate \S+ r\/a@\S+ r\/b@\S+$/);
  });

  test('has the password in cosign’s environment and in no argument', async () => {
    cosign(FLAGS_2, 'exit 0');
    await signed();
    expect(readFileSync(`${dir}/environment`, 'utf8')).toContain(`COSIGN_PASSWORD=${PASSWORD}`);
    expect(readFileSync(`${dir}/calls`, 'utf8')).not.toContain(PASSWORD);
  });

  test('tells a cosign 3 to keep to the form of 2, and a cosign 2 nothing that it does not know', async () => {
    cosign(FLAGS_3, 'exit 0');
    await signed();
    expect(calls()[0]).toMatch(/^sign --use-signing-config=false --new-bundle-format=false /);
  });

  test('a cosign that is not there, or too old, is named with what is wanted', async () => {
    const none = { ...env, PATH: '/nonexistent' };
    const signer = findSigner({ env });
    if (signer === undefined) throw new Error('no signer');
    const options = { images: [], manifest: 'x', sbom: new Uint8Array(), provenance: {}, signer, env: none };
    await expect(sign(options)).rejects.toMatchObject({ code: 'COSIGN_MISSING', exitCode: 3 });
    cosign('--key=', 'exit 0');
    await expect(signed()).rejects.toMatchObject({
      code: 'COSIGN_TOO_OLD',
      exitCode: 3,
      message: expect.stringContaining('--tlog-upload'),
    });
  });

  test('a wrong password is the caller’s mistake, and stands in no word of the error', async () => {
    cosign(
      FLAGS_2,
      `echo "Error: signing: reading key: decrypt: encrypted: decryption failed ${PASSWORD}" >&2; exit 1`,
    );
    const failed: unknown = await signed().catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'SIGNING_REFUSED', exitCode: 2 });
    expect(inspect(failed, { depth: 9 })).not.toContain(PASSWORD);
  });

  test('a registry that stumbles once is tried again', async () => {
    cosign(
      FLAGS_2,
      'here=$(dirname "$0"); [ -e "$here/once" ] && exit 0; touch "$here/once"; echo "Error: 503 Service Unavailable" >&2; exit 1',
    );
    await signed();
    expect(calls().map((line) => line.split(' ')[0])).toEqual(['sign', 'sign', 'attest', 'attest']);
  });

  test('any other failure is not, and says that what was pushed is unsigned', async () => {
    cosign(FLAGS_2, 'echo "Error: signing: dial tcp: i/o timeout" >&2; exit 1');
    await expect(signed()).rejects.toMatchObject({
      code: 'SIGNING_FAILED',
      exitCode: 3,
      message: expect.stringContaining('(tried 3 times)'),
      fix: expect.stringContaining('not signed'),
    });
  });
});

describe('a policy for signatures', () => {
  test.each([
    ['requires them and does not say whose', { required: true }],
    ['names both a key and an identity', { required: true, publicKey: 'k', identity: 'i', issuer: 'j' }],
    ['names an identity without an issuer', { required: true, identity: 'i' }],
    ['names an issuer without an identity', { required: false, issuer: 'j' }],
    ['has an empty key', { required: true, publicKey: '' }],
  ])('that %s is refused', async (_title, policy) => {
    await expect(verified(policy)).rejects.toMatchObject({ code: 'SIGNATURE_POLICY_INVALID', exitCode: 2 });
  });

  test('that requires nothing and names nobody passes, and says that nothing was looked at', async () => {
    expect(await verified({ required: false })).toMatchObject([{ status: 'passed', observed: 'not looked at' }]);
  });
});

describe('verifying with cosign', () => {
  test('looks at the manifest and our own images; those of others are named by the signed manifest', async () => {
    cosign(FLAGS_2, provenanceOf('ab'.repeat(20)));
    const checks = await verified(KEY);
    expect(checks.map(({ name, status }) => [name, status])).toEqual([
      ['signature of the manifest', 'passed'],
      ['signature of a', 'passed'],
      ['signed SBOM of a', 'passed'],
      ['signed provenance of a', 'passed'],
    ]);
    expect(calls().join('\n')).not.toContain('postgres');
    expect(calls()[0]).toMatch(
      /^verify --timeout 2m --output json --key cosign.pub --insecure-ignore-tlog=true registry.example\/team\/release@sha256:[0-9a-f]{64}$/,
    );
  });

  test('an identity is held against the public log', async () => {
    cosign(FLAGS_2, provenanceOf('ab'.repeat(20)));
    await verified({ required: true, identity: 'https://github.com/o/n', issuer: 'https://token.example' });
    expect(calls()[0]).toContain(
      '--certificate-identity https://github.com/o/n --certificate-oidc-issuer https://token.example',
    );
    expect(calls().join('\n')).not.toContain('--insecure-ignore-tlog');
  });

  test('a public key may be given as its text', async () => {
    cosign(FLAGS_2, 'for one in "$@"; do case "$one" in *.pub) grep -q PUBLIC "$one" || exit 9;; esac; done; exit 1');
    const checks = await verified({
      required: true,
      publicKey: '-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----\n',
    });
    expect(checks[0]?.detail).toContain('exit code 1');
  });

  test('the provenance of another commit is refused, however well it is signed', async () => {
    cosign(FLAGS_2, provenanceOf('cd'.repeat(20)));
    const failed = (await verified(KEY)).filter(({ status }) => status === 'failed');
    expect(failed).toMatchObject([
      { name: 'signed provenance of a', observed: 'cd'.repeat(20), limit: 'ab'.repeat(20) },
    ]);
  });

  test('what is unsigned fails where signatures are required, and passes with these words where not', async () => {
    cosign(FLAGS_2, 'echo "Error: no signatures found" >&2; exit 10');
    expect((await verified(KEY)).every(({ status, observed }) => status === 'failed' && observed === 'unsigned')).toBe(
      true,
    );
    const lax = await verified({ ...KEY, required: false });
    expect(lax.every(({ status, observed }) => status === 'passed' && observed === 'unsigned')).toBe(true);
  });

  test('what somebody else signed fails, required or not', async () => {
    cosign(FLAGS_2, 'echo "Error: no matching signatures: invalid signature" >&2; exit 12');
    for (const required of [true, false]) {
      const checks = await verified({ ...KEY, required });
      expect(checks.every(({ status }) => status === 'failed')).toBe(true);
    }
  });

  test('a registry that is away is no missing signature', async () => {
    cosign(FLAGS_2, 'echo "Error: dial tcp 127.0.0.1:1: connect: connection refused" >&2; exit 1');
    await expect(verified({ ...KEY, required: false })).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      exitCode: 3,
    });
  });

  test('a public key that cannot be read is the caller’s mistake', async () => {
    cosign(FLAGS_2, 'echo "Error: loading public key: open cosign.pub: no such file or directory" >&2; exit 1');
    await expect(verified(KEY)).rejects.toMatchObject({ code: 'SIGNATURE_POLICY_INVALID', exitCode: 2 });
  });
});

/** cosign verify-attestation prints the envelope that it has found good. */
function provenanceOf(commit: string): string {
  const statement = {
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: { buildDefinition: { externalParameters: { source: { digest: { gitCommit: commit } } } } },
  };
  const payload = Buffer.from(JSON.stringify(statement)).toString('base64');
  return `echo '${JSON.stringify({ payloadType: 'application/vnd.in-toto+json', payload, signatures: [] })}'`;
}
