import type { Rule } from '../types.ts';
import { judgement, short } from './judgement.ts';

/** `Status: accepted`, also in a list or bold; or a heading `Status` with the word below it. */
const STATUS =
  /^[ \t]*(?:[-*+][ \t]+)?\**status\**[ \t]*:[ \t]*\**[ \t]*([a-z]+)|^#+[ \t]*status[ \t]*$\s*^\**([a-z]+)/gim;

/** Somebody decided that this release goes out, and wrote down why. */
export const decisionRecord: Rule<'decision-record'> = {
  name: 'decision-record',
  title: 'a decision is on record',
  source: 'decision records of the checkout',
  waivable: true,
  codes: {
    DECISION_MISSING: 'no decision record names the commit or the version',
    DECISION_NOT_ACCEPTED: 'the record that names it is not accepted',
    DECISION_OTHER_VERSION: 'the version is a tag of another commit, or no tag',
  },
  async judge({ manifest, version, files }, { folder }) {
    const { commit } = manifest;
    const wanted = `an accepted record in ${folder} that names ${version === undefined ? '' : `${version} or `}${short(commit)}`;
    const tagged = version === undefined ? undefined : await files.commitOfTag(version);
    if (version !== undefined && tagged !== commit) {
      const message = `${version} is ${tagged === undefined ? 'no tag of the checkout' : `a tag of ${tagged}`}, and ${commit} is to go to production`;
      return judgement(`${version} elsewhere`, wanted, { code: 'DECISION_OTHER_VERSION', message });
    }
    const records = [...(await files.decisionRecords(folder))].filter(([, text]) => namesIt(text, commit, version));
    const accepted = records.filter(([, text]) => {
      const words = [...text.matchAll(STATUS)].map((match) => (match[1] ?? match[2] ?? '').toLowerCase());
      // A record that says two things of itself says nothing.
      return words.length > 0 && words.every((word) => word === 'accepted');
    });
    if (accepted.length > 0) return judgement(accepted.map(([name]) => name).join(', '), wanted);
    const names = records.map(([name]) => name).join(', ');
    return records.length === 0
      ? judgement('none', wanted, {
          code: 'DECISION_MISSING',
          message: `no record in ${folder} names ${version === undefined ? '' : `${version} or `}${commit}`,
        })
      : judgement(names, wanted, {
          code: 'DECISION_NOT_ACCEPTED',
          message: `${names} names the release and does not say "Status: accepted"`,
        });
  },
};

/** The commit by at least twelve digits, or the version as a word. */
function namesIt(text: string, commit: string, version: string | undefined): boolean {
  const shas = text.match(/\b[0-9a-f]{12,64}\b/g) ?? [];
  if (shas.some((sha) => commit.startsWith(sha))) return true;
  if (version === undefined) return false;
  const literal = version.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`(?<![\\w.+-])${literal}(?![\\w+-]|\\.\\d)`).test(text);
}
