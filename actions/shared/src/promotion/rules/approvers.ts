import type { GitHubCommit, MergedPull } from '../../github/commits.ts';
import type { GateContext, Problem, Rule } from '../types.ts';
import { judgement, unless } from './judgement.ts';
import { nameOf } from './environment.ts';

/** Whose approval GitHub's own rules for branches count: a stranger may review a public repository, too. */
const TRUSTED = new Set(['OWNER', 'MEMBER', 'COLLABORATOR']);
const CO_AUTHOR = /^co-authored-by:[^<\n]*<([^<>\s]+)>\s*$/gim;
/** GitHub's addresses that hide one's own: `12345+login@users.noreply.github.com`. */
const HIDDEN = /^(?:\d+\+)?([A-Za-z0-9-]+(?:\[bot\])?)@users\.noreply\.github\.com$/i;
/** Commits with GitHub's own buttons what people did there. */
const BUTTONS = 'web-flow';

/** Two people looked at it who did not write it. GitHub itself asks for one; so they are counted here. */
export const approvers: Rule<'approvers'> = {
  name: 'approvers',
  title: 'approved by others',
  source: 'GitHub reviews and approvals',
  waivable: true,
  codes: {
    APPROVERS_TOO_FEW: 'too few people approved who did not write the change',
    APPROVERS_REJECTED: 'somebody asked for changes, or rejected the run',
    APPROVERS_NONE_OF_RUN: 'nobody approved the run itself',
    APPROVERS_AUTHOR_UNKNOWN: 'an author of the change has no account that is known',
  },
  async judge(context, { at_least, of_last_commit, accounts, branch }) {
    const { github, manifest, moment, runId } = context;
    const commit = await github.commit(manifest.commit);
    const pulls = (await github.mergedPulls(manifest.commit)).filter(({ base }) => base === branch);
    const words = (await github.approvals(runId)).filter(({ environments }) => environments.includes(nameOf(context)));
    const writers = writersOf(commit, pulls, accounts);

    const ofPulls = pulls.flatMap(({ reviews, headSha }) =>
      reviews.filter(
        ({ state, by, commit: reviewed, association }) =>
          state === 'APPROVED' && !by.isBot && TRUSTED.has(association) && (!of_last_commit || reviewed === headSha),
      ),
    );
    const ofRun = words.filter(({ state, by }) => state === 'approved' && !by.isBot);
    const independent = [...new Set([...ofPulls, ...ofRun].map(({ by }) => by.login.toLowerCase()))].filter(
      (login) => !writers.logins.has(login),
    );
    const isBefore = moment === 'before-approval';
    const needed = isBefore ? at_least - 1 : at_least;
    return judgement(
      independent.length === 0 ? 'nobody' : independent.sort().join(', '),
      `${needed} people who did not write it${isBefore ? ', and one more for the environment' : ''}`,
      unless(
        independent.length >= needed,
        'APPROVERS_TOO_FEW',
        `${independent.length} people approved who did not write the change (${independent.join(', ') || 'nobody'}), wanted ${needed}; it was written by ${[...writers.logins].join(', ') || 'nobody known'}`,
      ),
      unless(
        isBefore || ofRun.length > 0,
        'APPROVERS_NONE_OF_RUN',
        `nobody approved run ${runId} for ${nameOf(context)}: its rules were bypassed, or it has none`,
      ),
      ...rejections(pulls, words),
      ...writers.unknown.map((address) => ({
        code: 'APPROVERS_AUTHOR_UNKNOWN',
        message: `the author ${address} has no GitHub account that is known, and so may be an approver; name it in approvers.accounts`,
      })),
    );
  },
};

function rejections(
  pulls: readonly MergedPull[],
  words: Awaited<ReturnType<GateContext['github']['approvals']>>,
): Problem[] {
  return [
    ...pulls.flatMap(({ number, reviews }) =>
      reviews
        .filter(({ state, association }) => state === 'CHANGES_REQUESTED' && TRUSTED.has(association))
        .map(({ by }) => `${by.login} asked for changes in #${number}, and did not approve since`),
    ),
    ...words.filter(({ state }) => state === 'rejected').map(({ by }) => `${by.login} rejected the run`),
  ].map((message) => ({ code: 'APPROVERS_REJECTED', message }));
}

interface Writers {
  /** In lower case. */
  logins: Set<string>;
  /** Addresses that lead to no account. */
  unknown: string[];
}

function writersOf(
  commit: GitHubCommit,
  pulls: readonly MergedPull[],
  accounts: Readonly<Record<string, string>>,
): Writers {
  const logins = new Set<string>();
  const unknown = new Set<string>();
  const commits = [commit, ...pulls.flatMap((pull) => pull.commits)];
  const known = new Map(Object.entries(accounts).map(([address, login]) => [address.toLowerCase(), login]));
  // GitHub has matched these itself; whoever wrote one commit may be the co-author of another.
  for (const { author, authorEmail } of commits) {
    if (author !== null && authorEmail !== null) known.set(authorEmail.toLowerCase(), author.login);
  }
  const add = (login: string | undefined): void => {
    if (login !== undefined && login !== BUTTONS) logins.add(login.toLowerCase());
  };
  const addAddress = (address: string, hidden?: string): void => {
    const login = known.get(address.toLowerCase()) ?? hidden;
    if (login === undefined) unknown.add(address);
    else add(login);
  };
  for (const { author, committer, authorEmail, message } of commits) {
    // Where GitHub itself finds no account, the address does not name one either.
    if (author === null) addAddress(authorEmail ?? '(no address)');
    add(author?.login);
    add(committer?.login);
    for (const [, address] of message.matchAll(CO_AUTHOR)) addAddress(address ?? '', HIDDEN.exec(address ?? '')?.[1]);
  }
  for (const { openedBy } of pulls) add(openedBy?.login);
  return { logins, unknown: [...unknown] };
}
