import { found, userOf, type Call } from './call.ts';
import type { Json, JsonObject } from './description/types.ts';
import type { FakeCommit, FakeReviewer } from './state.ts';

/* Things as GitHub's answers show them. What its description requires beside is added by the server. */

export function account({ state, api }: Call, login: string | null): Json {
  if (login === null) return null;
  const { id, isBot = false } = userOf(state, login);
  const at = `${api}/users/${encodeURIComponent(login)}`;
  return {
    login,
    id,
    type: isBot ? 'Bot' : 'User',
    site_admin: false,
    url: at,
    html_url: `https://github.com/${encodeURIComponent(login)}`,
    avatar_url: `https://avatars.githubusercontent.com/u/${id}`,
    gravatar_id: '',
    ...Object.fromEntries(
      ['followers', 'subscriptions', 'organizations', 'repos', 'received_events'].map((name) => [
        `${name}_url`,
        `${at}/${name}`,
      ]),
    ),
  };
}

export function team(call: Call, slug: string, organization = call.owner): JsonObject {
  const { id } = found(call.state.teams[`${organization}/${slug}`]);
  const at = `${call.api}/orgs/${organization}/teams/${slug}`;
  return { id, slug, name: slug, permission: 'pull', type: 'organization', url: at, parent: null };
}

export const reviewer = (call: Call, { type, name }: FakeReviewer): JsonObject => ({
  type,
  reviewer: type === 'Team' ? team(call, name) : account(call, name),
});

export function repository(call: Call): JsonObject {
  const { repository: one, fullName, owner, api } = call;
  const name = fullName.slice(owner.length + 1);
  return {
    id: one.id,
    name,
    full_name: fullName,
    owner: { ...(account(call, owner) as JsonObject), type: one.owner_type },
    private: one.private,
    visibility: one.private ? 'private' : 'public',
    default_branch: one.default_branch,
    url: `${api}/repos/${fullName}`,
    html_url: `https://github.com/${fullName}`,
    license: null,
    description: null,
  };
}

export function commit(call: Call, sha: string): JsonObject {
  const one = found(call.repository.commits[sha]);
  const at = `${call.api}/repos/${call.fullName}/commits/${sha}`;
  const signature = (login: string | null): JsonObject => ({
    name: login ?? 'somebody',
    email: `${login ?? 'somebody'}@users.noreply.github.com`,
    date: one.date,
  });
  const committer = one.committer === undefined ? one.author : one.committer;
  return {
    sha,
    url: at,
    html_url: `https://github.com/${call.fullName}/commit/${sha}`,
    commit: {
      message: one.message,
      author: signature(one.author),
      committer: signature(committer),
      comment_count: 0,
      verification: { verified: one.verified ?? false, reason: one.verified === true ? 'valid' : 'unsigned' },
    },
    author: account(call, one.author),
    committer: account(call, committer),
    parents: one.parents.map((parent) => ({
      sha: parent,
      url: `${call.api}/repos/${call.fullName}/commits/${parent}`,
    })),
  };
}

/** A commit by hash, branch, tag, or a full ref. */
export function resolveRef(call: Call, ref: string): string | undefined {
  const { commits, branches, tags } = call.repository;
  const name = ref.replace(/^refs\//, '');
  const inBranches = branches[name.replace(/^heads\//, '')];
  const inTags = tags[name.replace(/^tags\//, '')];
  if (name.startsWith('heads/')) return inBranches;
  if (name.startsWith('tags/')) return inTags;
  return commits[ref] === undefined ? (inBranches ?? inTags) : ref;
}

/** A commit and all that it stands on. */
export function history(commits: Readonly<Record<string, FakeCommit>>, head: string): Set<string> {
  const seen = new Set<string>();
  const open = [head];
  for (let sha = open.pop(); sha !== undefined; sha = open.pop()) {
    if (seen.has(sha)) continue;
    seen.add(sha);
    open.push(...(commits[sha]?.parents ?? []));
  }
  return seen;
}
