import type { Problem, Rule } from '../types.ts';
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
  async judge({ manifest, files, now }, { severity, max_age_hours }) {
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
      else results.push({ ...read, file });
    }
    const at = await now();
    const judged = images.map(([service, { digest }]) => {
      const own = results.filter(({ digests }) => digests.includes(digest));
      // Of several the newest speaks, and the others do not make it any better.
      const newest = own.toSorted((a, b) => (b.at || -Infinity) - (a.at || -Infinity))[0];
      if (newest === undefined) {
        const message = `no result names the image of ${service} (${digest})`;
        problems.push({ code: 'IMAGE_AUDIT_MISSING', message });
        return 0;
      }
      const age = at - newest.at;
      problems.push(
        unless(
          age <= max_age_hours * HOUR && age >= -SKEW,
          'IMAGE_AUDIT_STALE',
          `${newest.file} about ${service} ${Number.isFinite(age) ? `is ${hoursOf(age)} old` : 'has no date'}`,
        ),
      );
      const bad = newest.findings.filter((one) => severityRank(one.severity) >= severityRank(severity));
      const names = bad.slice(0, 5).map((one) => `${one.id} (${one.severity})`);
      problems.push(
        unless(
          bad.length === 0,
          'IMAGE_AUDIT_VULNERABLE',
          `${service} (${short(digest)}) has ${bad.length} of ${severity} or above: ${names.join(', ')}`,
        ),
      );
      return bad.length;
    });
    const bad = judged.reduce((sum, count) => sum + count, 0);
    return judgement(`${bad} found in ${images.length} images`, wanted, ...problems);
  },
};
