import type { GateContext, Problem, Rule } from '../types.ts';
import { HOUR, hoursOf, judgement, short, SKEW, unless } from './judgement.ts';
import { readImageAudit, severityRank, type ImageAudit } from './image-audit/read.ts';

/** No known hole in what the images are made of. One result a digest: CycloneDX with vulnerabilities, or SARIF. */
export const imageAudit: Rule<'image-audit'> = {
  name: 'image-audit',
  title: 'no vulnerable image',
  source: 'results of an image scanner',
  waivable: true,
  codes: {
    IMAGE_AUDIT_VULNERABLE: 'an image has a known vulnerability that nobody has explained (VEX)',
    IMAGE_AUDIT_MISSING: 'there is no result about an image, or the release has no images',
    IMAGE_AUDIT_UNREADABLE: 'a result is neither CycloneDX nor SARIF, or its severities cannot be read',
    IMAGE_AUDIT_STALE: 'a result is too old, undated or dated in the future',
  },
  async judge(context, { severity, max_age_hours }) {
    const { manifest, files } = context;
    const wanted = `nothing of ${severity} or above, at most ${max_age_hours} h old`;
    const images = Object.entries(manifest.images ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    if (images.length === 0) {
      const message = 'the manifest names no images: production takes images alone';
      return judgement('no images', wanted, { code: 'IMAGE_AUDIT_MISSING', message });
    }
    const problems: (Problem | undefined)[] = [];
    const results: ImageAudit[] = [];
    for (const [file, value] of await files.imageAudits()) {
      const read = readImageAudit(value);
      if (typeof read === 'string') problems.push({ code: 'IMAGE_AUDIT_UNREADABLE', message: `${file} ${read}` });
      else results.push({ ...read, digests: [...read.digests, ...digestOfName(file)], file });
    }
    const at = await context.now();
    let bad = 0;
    for (const [service, { digest }] of images) {
      const own = results.filter(({ digests }) => digests.includes(digest));
      // Of several the newest speaks, and the others do not make it any better.
      const newest = own.toSorted((a, b) => (b.at || -Infinity) - (a.at || -Infinity))[0];
      if (newest === undefined) {
        const message = `no result names the image of ${service} (${digest})`;
        problems.push({ code: 'IMAGE_AUDIT_MISSING', message });
        continue;
      }
      const age = at - (Number.isFinite(newest.at) ? newest.at : await uploadedAt(context, digest));
      problems.push(
        unless(
          age <= max_age_hours * HOUR && age >= -SKEW,
          'IMAGE_AUDIT_STALE',
          `${newest.file} about ${service} ${Number.isFinite(age) ? `is ${hoursOf(age)} old` : 'has no date'}`,
        ),
      );
      const found = newest.findings.filter((one) => severityRank(one.severity) >= severityRank(severity));
      const names = found.slice(0, 5).map((one) => `${one.id} (${one.severity})`);
      problems.push(
        unless(
          found.length === 0,
          'IMAGE_AUDIT_VULNERABLE',
          `${service} (${short(digest)}) has ${found.length} of ${severity} or above: ${names.join(', ')}`,
        ),
      );
      bad += found.length;
    }
    return judgement(`${bad} found in ${images.length} images`, wanted, ...problems);
  },
};

/** Scanners that do not write down the digest are given it by the name of their file: `<64 hex digits>.sarif`. */
function digestOfName(file: string): string[] {
  const hex = /^([0-9a-f]{64})\./.exec(file)?.[1];
  return hex === undefined ? [] : [`sha256:${hex}`];
}

/** When the result was uploaded by a job of this run, by GitHub's clock: for scanners that do not write the time down. */
async function uploadedAt({ github, runId }: GateContext, digest: string): Promise<number> {
  const artifacts = await github.artifacts(runId, `audit-image-${digest.replace('sha256:', '')}`);
  const times = artifacts.filter(({ isExpired }) => !isExpired).map(({ createdAt }) => Date.parse(createdAt ?? ''));
  return times.length === 1 ? times[0]! : Number.NaN;
}
