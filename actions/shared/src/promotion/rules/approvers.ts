import type { Review } from '../../github/commits.ts';
import type { GateContext, Problem, Rule } from '../types.ts';
import { changesOf, type Change } from './approvals/changes.ts';
import { allCommits, writersOf } from './approvals/writers.ts';
import { judgement, short, unless } from './judgement.ts';
import { nameOf } from './environment.ts';

/** Whose approval GitHub's own rules for branches count: a stranger may review a public repository, too. */
const TRUSTED = new Set(['OWNER', 'MEMBER', 'COLLABORATOR']);
/** GitHub lists so many commits of a pull request, and no more. */
const LISTED = 250;
/** So many are named in a message. */
const NAMED = 5;

type Word = Awaited<ReturnType<GateContext['github']['approvals']>>[number];

/**
 * Two people looked at every change who did not write it. GitHub itself asks for one; so they are counted here, for all that was
 * merged since the last release.
 */
export const approvers: Rule<'approvers'> = {
  name: 'approvers',
  title: 'approved by others',
  source: 'GitHub deployments, commits, reviews and approvals',
  waivable: true,
  codes: {
    APPROVERS_TOO_FEW: 'too few people approved a change since the last release who did not write it',
    APPROVERS_REJECTED: 'somebody asked for changes, or rejected the run',
    APPROVERS_NONE_OF_RUN: 'nobody approved the run itself',
    APPROVERS_AUTHOR_UNKNOWN: 'an author of a change has no account that is known, or GitHub does not list all',
    APPROVERS_SINCE_UNKNOWN: 'production has no release on record, and the configuration names no commit to count from',
  },
  async judge(context, { at_least, of_last_commit, wrote_nothing_of, accounts, branch }) {
    const { github, moment, runId } = context;
    const { since, changes } = await changesOf(context, branch);
    const words = (await github.approvals(runId)).filter(({ environments }) => environments.includes(nameOf(context)));
    const ofRun = words.filter(({ state, by }) => state === 'approved' && !by.isBot).map(({ by }) => by.login);

    const commits = allCommits(changes);
    const writers = changes.map((change) => writersOf(change, commits, accounts));
    const everybody = new Set(writers.flatMap(({ logins }) => [...logins]));
    const counted = changes.map((change, index) => {
      const ofPull = (change.pull?.reviews ?? []).filter((review) => counts(review, change, of_last_commit));
      const wrote = wrote_nothing_of === 'release' ? everybody : writers[index]?.logins;
      const people = new Set([...ofPull.map(({ by }) => by.login), ...ofRun].map((login) => login.toLowerCase()));
      return { name: change.name, by: [...people].filter((login) => wrote?.has(login) !== true).sort() };
    });

    const isBefore = moment === 'before-approval';
    const needed = isBefore ? at_least - 1 : at_least;
    const lacking = counted.filter(({ by }) => by.length < needed);
    const named = lacking.slice(0, NAMED).map(({ name, by }) => `${name} by ${listed(by)}`);
    const others = lacking.length > NAMED ? ` and ${lacking.length - NAMED} more` : '';
    const unknown = new Set(writers.flatMap((one) => one.unknown));
    return judgement(
      `${listed([...new Set(counted.flatMap(({ by }) => by))].sort())}, of ${changes.length} ${changes.length === 1 ? 'change' : 'changes'} since ${since === undefined ? 'nobody knows when' : short(since)}`,
      `${needed} people for each change who ${wrote_nothing_of === 'release' ? 'wrote nothing of the release' : 'did not write it'}${isBefore ? ', and one more for the environment' : ''}`,
      unless(
        lacking.length === 0,
        'APPROVERS_TOO_FEW',
        `wanted are ${needed} people who approved a change and wrote nothing of the ${wrote_nothing_of}; approved were ${named.join(', ')}${others}; ${wrote_nothing_of === 'release' ? 'the release' : 'all of it'} was written by ${listed([...everybody].sort())}`,
      ),
      unless(
        isBefore || ofRun.length > 0,
        'APPROVERS_NONE_OF_RUN',
        `nobody approved run ${runId} for ${nameOf(context)}: its rules were bypassed, or it has none`,
      ),
      unless(
        since !== undefined,
        'APPROVERS_SINCE_UNKNOWN',
        `${nameOf(context)} has no release on record, so nobody knows which changes are new; set approvers.since to the commit after which they count`,
      ),
      ...rejections(changes, words),
      ...[...unknown].map((address) => ({
        code: 'APPROVERS_AUTHOR_UNKNOWN',
        message: `the author ${address} has no GitHub account that is known, and so may be an approver; name it in approvers.accounts`,
      })),
      ...changes
        .filter(({ pull }) => (pull?.commits.length ?? 0) >= LISTED)
        .map(({ name }) => ({
          code: 'APPROVERS_AUTHOR_UNKNOWN',
          message: `${name} has ${LISTED} commits or more, of which GitHub lists no others: who wrote them is not known`,
        })),
    );
  },
};

function counts({ state, by, association, commit }: Review, { pull }: Change, ofLastCommit: boolean): boolean {
  const isWord = state === 'APPROVED' && !by.isBot && TRUSTED.has(association);
  return isWord && (!ofLastCommit || commit === pull?.headSha);
}

function rejections(changes: readonly Change[], words: readonly Word[]): Problem[] {
  return [
    ...changes.flatMap(({ name, pull }) =>
      (pull?.reviews ?? [])
        .filter(({ state, association }) => state === 'CHANGES_REQUESTED' && TRUSTED.has(association))
        .map(({ by }) => `${by.login} asked for changes in ${name}, and did not approve since`),
    ),
    ...words.filter(({ state }) => state === 'rejected').map(({ by }) => `${by.login} rejected the run`),
  ].map((message) => ({ code: 'APPROVERS_REJECTED', message }));
}

const listed = (logins: readonly string[]): string => logins.join(', ') || 'nobody';
