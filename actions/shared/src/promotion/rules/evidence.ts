import { decideGate } from '../../gate/index.ts';
import { isEvidence } from '../../evidence/index.ts';
import type { Rule } from '../types.ts';
import { HOUR, judgement, unless } from './judgement.ts';

/** Smoke and all load suites passed on this very release, not too long ago: the judge of staging's own gate. */
export const evidence: Rule<'evidence'> = {
  name: 'evidence',
  title: 'smoke and load passed',
  source: 'evidence of staging',
  waivable: true,
  codes: {
    EVIDENCE_BLOCKS: 'evidence is missing, stale, failed, malformed or about another release',
    EVIDENCE_OTHER_LOAD: 'the load was not of the profile that production asks for',
  },
  async judge({ manifest, files, now }, { stages, max_age_hours, load_profile }) {
    const found = await files.evidence();
    const { reasons } = decideGate({
      manifestDigest: manifest.digest,
      commit: manifest.commit,
      // The gate's own earlier word is no evidence.
      evidence: found.filter((item) => !isEvidence(item) || item.stage !== 'gate'),
      now: await now(),
      maxAgeMs: max_age_hours * HOUR,
      required: stages,
    });
    const load = found.filter((item) => isEvidence(item)).find(({ stage }) => stage === 'load');
    const profile = load?.data?.['profile'];
    const isLoadWanted = stages.includes('load') && load !== undefined;
    return judgement(
      reasons.length === 0 ? `${stages.join(', ')} passed` : `${reasons.length} doubts`,
      `${stages.join(', ')} passed within ${max_age_hours} h, load ${load_profile}`,
      ...reasons.map((message) => ({ code: 'EVIDENCE_BLOCKS', message })),
      unless(
        !isLoadWanted || profile === load_profile || profile === 'full',
        'EVIDENCE_OTHER_LOAD',
        `the load was of the profile ${String(profile)}, wanted ${load_profile}`,
      ),
    );
  },
};
