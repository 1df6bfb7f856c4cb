import { found, invalid, missing, text, userOf, type Call, type Route } from '../call.ts';
import type { JsonObject } from '../description/types.ts';
import { account, repository, resolveRef, team } from '../views.ts';

const R = '/repos/{owner}/{repo}';

/** The repository, its accounts, labels, refs and what GITHUB_TOKEN may do. */
export const REPOSITORY_ROUTES: Route[] = [
  { route: `GET ${R}`, handle: (call) => ({ status: 200, body: repository(call) }) },
  { route: 'GET /user', handle: (call) => ({ status: 200, body: account(call, call.actor) }) },
  {
    route: 'GET /users/{username}',
    handle(call) {
      const { username = '' } = call.params;
      if (call.state.users[username] === undefined) throw missing();
      userOf(call.state, username);
      return { status: 200, body: account(call, username) };
    },
  },
  {
    route: 'GET /orgs/{org}/teams/{team_slug}',
    needs: ['members', 'read'],
    handle: (call) => ({ status: 200, body: team(call, call.params['team_slug'] ?? '', call.params['org']) }),
  },
  {
    route: `GET ${R}/actions/permissions/workflow`,
    needs: ['administration', 'read'],
    handle: ({ repository: { workflow_token } }) => ({ status: 200, body: { ...workflow_token } }),
  },
  {
    route: `PUT ${R}/actions/permissions/workflow`,
    needs: ['administration', 'write'],
    handle({ repository: one, body }) {
      const { default_workflow_permissions: permissions, can_approve_pull_request_reviews: approve } = body;
      one.workflow_token = {
        default_workflow_permissions: permissions === 'write' ? 'write' : 'read',
        can_approve_pull_request_reviews: approve === true,
      };
      return { status: 204 };
    },
  },
  {
    route: `GET ${R}/labels`,
    needs: ['issues', 'read'],
    handle: ({ repository: { labels } }) => ({ status: 200, list: { items: labels.map(label) } }),
  },
  {
    route: `POST ${R}/labels`,
    needs: ['issues', 'write'],
    handle({ repository: { labels }, body }) {
      const name = text(body, 'name');
      if (labels.some((one) => one.name.toLowerCase() === name.toLowerCase())) {
        throw invalid('Label', 'name', 'already_exists');
      }
      const made = { name, color: text(body, 'color', 'ededed'), description: text(body, 'description') };
      labels.push(made);
      return { status: 201, body: label(made, labels.length) };
    },
  },
  {
    route: `GET ${R}/branches`,
    needs: ['contents', 'read'],
    handle: (call) => ({
      status: 200,
      list: {
        items: Object.keys(call.repository.branches)
          .sort()
          .map((name) => branch(call, name)),
      },
    }),
  },
  {
    route: `GET ${R}/branches/{branch}`,
    needs: ['contents', 'read'],
    handle: (call) => ({ status: 200, body: branch(call, call.params['branch'] ?? '') }),
  },
  {
    route: `GET ${R}/git/ref/{ref}`,
    needs: ['contents', 'read'],
    handle(call) {
      const ref = call.params['ref'] ?? '';
      const sha = /^(heads|tags)\//.test(ref) ? resolveRef(call, `refs/${ref}`) : undefined;
      return { status: 200, body: gitRef(call, `refs/${ref}`, found(sha)) };
    },
  },
  {
    route: `POST ${R}/git/refs`,
    needs: ['contents', 'write'],
    handle(call) {
      const [ref, sha] = [text(call.body, 'ref'), text(call.body, 'sha')];
      if (!/^refs\/(heads|tags)\/./.test(ref)) throw invalid('Reference', 'ref', 'invalid');
      if (call.repository.commits[sha] === undefined) throw invalid('Reference', 'sha', 'missing');
      if (resolveRef(call, ref) !== undefined) throw invalid('Reference', 'ref', 'already_exists');
      setRef(call, ref, sha);
      return { status: 201, body: gitRef(call, ref, sha) };
    },
  },
  {
    route: `PATCH ${R}/git/refs/{ref}`,
    needs: ['contents', 'write'],
    handle(call) {
      const [ref, sha] = [`refs/${call.params['ref']}`, text(call.body, 'sha')];
      if (resolveRef(call, ref) === undefined) throw invalid('Reference', 'ref', 'missing');
      if (call.repository.commits[sha] === undefined) throw invalid('Reference', 'sha', 'missing');
      setRef(call, ref, sha);
      return { status: 200, body: gitRef(call, ref, sha) };
    },
  },
];

const label = (one: { name: string; color: string; description: string }, index: number): JsonObject => ({
  ...one,
  id: 100 + index,
  default: false,
});

function branch(call: Call, name: string): JsonObject {
  const sha = found(call.repository.branches[name]);
  const at = `${call.api}/repos/${call.fullName}`;
  return {
    name,
    commit: { sha, url: `${at}/commits/${sha}` },
    protected: name === call.repository.default_branch && call.repository.rulesets.length > 0,
  };
}

const gitRef = (call: Call, ref: string, sha: string): JsonObject => ({
  ref,
  url: `${call.api}/repos/${call.fullName}/git/${ref}`,
  object: { type: 'commit', sha, url: `${call.api}/repos/${call.fullName}/git/commits/${sha}` },
});

function setRef({ repository: { branches, tags } }: Call, ref: string, sha: string): void {
  if (ref.startsWith('refs/heads/')) branches[ref.slice('refs/heads/'.length)] = sha;
  else tags[ref.slice('refs/tags/'.length)] = sha;
}
