import type { GitHubCommit } from '../../../github/commits.ts';
import type { Change } from './changes.ts';

const CO_AUTHOR = /^co-authored-by:[^<\n]*<([^<>\s]+)>\s*$/gim;
/** GitHub's addresses that hide one's own: `12345+login@users.noreply.github.com`. */
const HIDDEN = /^(?:\d+\+)?([A-Za-z0-9-]+(?:\[bot\])?)@users\.noreply\.github\.com$/i;
/** Commits with GitHub's own buttons what people did there. */
const BUTTONS = 'web-flow';

export interface Writers {
  /** In lower case. */
  logins: Set<string>;
  /** Addresses that lead to no account. */
  unknown: string[];
}

/** Everybody who had a hand in a change, where `all` are the commits by which addresses and accounts are matched. */
export function writersOf(
  { commits, pull }: Change,
  all: readonly GitHubCommit[],
  accounts: Readonly<Record<string, string>>,
): Writers {
  const logins = new Set<string>();
  const unknown = new Set<string>();
  const known = new Map(Object.entries(accounts).map(([address, login]) => [address.toLowerCase(), login]));
  // GitHub has matched these itself; whoever wrote one commit may be the co-author of another.
  for (const { author, authorEmail } of all) {
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
  const written = commits.filter((commit) => !isMergeByButton(commit, pull));
  for (const { author, committer, authorEmail, message } of [...written, ...(pull?.commits ?? [])]) {
    // Where GitHub itself finds no account, the address does not name one either.
    if (author === null) addAddress(authorEmail ?? '(no address)');
    add(author?.login);
    add(committer?.login);
    for (const [, address] of message.matchAll(CO_AUTHOR)) addAddress(address ?? '', HIDDEN.exec(address ?? '')?.[1]);
  }
  add(pull?.openedBy?.login);
  return { logins, unknown: [...unknown] };
}

/** GitHub's own merge of the pull request: its author is whoever pressed the button, often the reviewer, and wrote nothing. */
const isMergeByButton = ({ sha, parents, committer, isVerified }: GitHubCommit, pull: Change['pull']): boolean =>
  sha === pull?.mergeSha && parents.length > 1 && committer?.login === BUTTONS && isVerified;

export const allCommits = (changes: readonly Change[]): GitHubCommit[] =>
  changes.flatMap(({ commits, pull }) => [...commits, ...(pull?.commits ?? [])]);
