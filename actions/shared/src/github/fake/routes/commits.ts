import { found, missing, Refusal, text, type Call, type Route } from '../call.ts';
import type { JsonObject } from '../description/types.ts';
import type { FakeCheckRun, FakePull } from '../state.ts';
import { account, commit, history, repository, resolveRef } from '../views.ts';

const R = '/repos/{owner}/{repo}';

/** Commits and how they stand to each other, pull requests, reviews, checks. */
export const COMMIT_ROUTES: Route[] = [
  {
    route: `GET ${R}/commits/{ref}`,
    needs: ['contents', 'read'],
    handle(call) {
      const sha = resolveRef(call, call.params['ref'] ?? '');
      if (sha === undefined) throw new Refusal(422, `No commit found for SHA: ${call.params['ref']}`);
      return { status: 200, body: commit(call, sha) };
    },
  },
  { route: `GET ${R}/compare/{basehead}`, needs: ['contents', 'read'], handle: compare },
  {
    route: `GET ${R}/commits/{commit_sha}/pulls`,
    needs: ['pull_requests', 'read'],
    handle(call) {
      const { commit_sha: sha = '' } = call.params;
      if (call.repository.commits[sha] === undefined) throw new Refusal(422, `No commit found for SHA: ${sha}`);
      const isOf = ({ merge_commit_sha: merge, commits, copies = [] }: FakePull): boolean =>
        merge === sha || commits.includes(sha) || copies.includes(sha);
      const of = call.repository.pulls.filter(isOf);
      return { status: 200, list: { items: of.map((one) => pull(call, one)) } };
    },
  },
  {
    route: `GET ${R}/pulls/{pull_number}`,
    needs: ['pull_requests', 'read'],
    handle: (call) => ({ status: 200, body: pull(call, pullOf(call)) }),
  },
  {
    route: `GET ${R}/pulls/{pull_number}/commits`,
    needs: ['pull_requests', 'read'],
    handle: (call) => ({ status: 200, list: { items: pullOf(call).commits.map((sha) => commit(call, sha)) } }),
  },
  {
    route: `GET ${R}/pulls/{pull_number}/reviews`,
    needs: ['pull_requests', 'read'],
    handle(call) {
      const { number, reviews } = pullOf(call);
      const at = `https://github.com/${call.fullName}/pull/${number}`;
      const items = reviews.map((one, index) => ({
        id: number * 1000 + index,
        user: account(call, one.user),
        body: '',
        state: one.state,
        commit_id: one.commit_id,
        submitted_at: one.submitted_at,
        author_association: one.association ?? 'MEMBER',
        html_url: `${at}#pullrequestreview-${index}`,
        pull_request_url: `${call.api}/repos/${call.fullName}/pulls/${number}`,
        _links: { html: { href: at }, pull_request: { href: at } },
      }));
      return { status: 200, list: { items } };
    },
  },
  {
    route: `GET ${R}/commits/{ref}/check-runs`,
    needs: ['checks', 'read'],
    handle(call) {
      const sha = found(resolveRef(call, call.params['ref'] ?? ''));
      const newest = new Map<string, FakeCheckRun>();
      for (const run of call.repository.check_runs) {
        const isWanted = run.head_sha === sha && (call.query.get('check_name') ?? run.name) === run.name;
        if (isWanted) newest.set(call.query.get('filter') === 'all' ? String(run.id) : `${run.app}/${run.name}`, run);
      }
      const items = [...newest.values()].map((run) => checkRun(call, run));
      return { status: 200, list: { items, key: 'check_runs', isCounted: true } };
    },
  },
  {
    route: `POST ${R}/check-runs`,
    needs: ['checks', 'write'],
    handle(call) {
      const { body, now } = call;
      const conclusion = text(body, 'conclusion');
      const run: FakeCheckRun = {
        id: call.nextId(),
        name: text(body, 'name'),
        head_sha: text(body, 'head_sha'),
        status: conclusion === '' ? text(body, 'status', 'queued') : 'completed',
        conclusion: conclusion === '' ? null : conclusion,
        started_at: text(body, 'started_at', now),
        completed_at: conclusion === '' ? null : text(body, 'completed_at', now),
        app: 'github-actions',
      };
      call.repository.check_runs.push(run);
      return { status: 201, body: checkRun(call, run) };
    },
  },
];

/** `base...head`, as https://docs.github.com/en/rest/commits/commits#compare-two-commits has it. */
function compare(call: Call) {
  const [baseName = '', headName = ''] = (call.params['basehead'] ?? '').split('...');
  const [base, head] = [resolveRef(call, baseName), resolveRef(call, headName)];
  if (base === undefined || head === undefined) throw missing();
  const { commits } = call.repository;
  const [ofBase, ofHead] = [history(commits, base), history(commits, head)];
  const ahead = [...ofHead].filter((sha) => !ofBase.has(sha));
  const behind = [...ofBase].filter((sha) => !ofHead.has(sha));
  const common = [...ofHead].filter((sha) => ofBase.has(sha));
  // The one that no other common ancestor stands on.
  const [mergeBase] = common.filter((sha) => !common.some((other) => commits[other]?.parents.includes(sha)));
  if (mergeBase === undefined) throw new Refusal(404, 'No common ancestor between the two commits.');
  const status =
    ahead.length === 0 ? (behind.length === 0 ? 'identical' : 'behind') : behind.length === 0 ? 'ahead' : 'diverged';
  const at = `https://github.com/${call.fullName}/compare/${base}...${head}`;
  const size = Number(call.query.get('per_page') ?? 250);
  const page = Number(call.query.get('page') ?? 1);
  return {
    status: 200,
    body: {
      url: `${call.api}/repos/${call.fullName}/compare/${base}...${head}`,
      html_url: at,
      permalink_url: at,
      diff_url: `${at}.diff`,
      patch_url: `${at}.patch`,
      status,
      ahead_by: ahead.length,
      behind_by: behind.length,
      total_commits: ahead.length,
      base_commit: commit(call, base),
      merge_base_commit: commit(call, mergeBase),
      commits: ahead
        .toReversed()
        .slice((page - 1) * size, page * size)
        .map((sha) => commit(call, sha)),
      files: [],
    },
  };
}

const pullOf = (call: Call): FakePull =>
  found(call.repository.pulls.find(({ number }) => String(number) === call.params['pull_number']));

function pull(call: Call, one: FakePull): JsonObject {
  const at = `${call.api}/repos/${call.fullName}/pulls/${one.number}`;
  const side = (ref: string, sha: string): JsonObject => ({
    label: `${call.owner}:${ref}`,
    ref,
    sha,
    user: account(call, call.owner),
    repo: repository(call),
  });
  return {
    id: 700_000 + one.number,
    number: one.number,
    state: one.merged_at === null ? 'open' : 'closed',
    title: one.title ?? `Change ${one.number}`,
    user: account(call, one.user),
    url: at,
    html_url: `https://github.com/${call.fullName}/pull/${one.number}`,
    base: side(one.base, call.repository.branches[one.base] ?? one.head_sha),
    head: side(one.head, one.head_sha),
    merged_at: one.merged_at,
    merge_commit_sha: one.merge_commit_sha,
    merged: one.merged_at !== null,
    created_at: one.created_at,
    updated_at: one.merged_at ?? one.created_at,
    closed_at: one.merged_at,
    author_association: 'MEMBER',
    draft: false,
    locked: false,
  };
}

function checkRun(call: Call, run: FakeCheckRun): JsonObject {
  const at = `${call.api}/repos/${call.fullName}/check-runs/${run.id}`;
  const { app, ...shown } = run;
  return {
    ...shown,
    url: at,
    html_url: `https://github.com/${call.fullName}/runs/${run.id}`,
    details_url: `https://github.com/${call.fullName}/runs/${run.id}`,
    external_id: '',
    check_suite: null,
    app: {
      id: 15_368,
      slug: app,
      name: app,
      owner: account(call, call.owner),
      html_url: `https://github.com/apps/${app}`,
      external_url: 'https://github.com',
    },
    pull_requests: [],
    output: { title: null, summary: null, text: null, annotations_count: 0, annotations_url: `${at}/annotations` },
  };
}
