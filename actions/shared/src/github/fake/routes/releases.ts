import { found, invalid, text, type Call, type Route } from '../call.ts';
import type { JsonObject } from '../description/types.ts';
import type { FakeIssue, FakeRelease } from '../state.ts';
import { account } from '../views.ts';

const R = '/repos/{owner}/{repo}';

/** What the release and the scheduled workflow leave: releases, issues, comments. */
export const RELEASE_ROUTES: Route[] = [
  {
    route: `GET ${R}/releases`,
    needs: ['contents', 'read'],
    handle: (call) => ({
      status: 200,
      list: { items: call.repository.releases.toReversed().map((one) => release(call, one)) },
    }),
  },
  {
    route: `GET ${R}/releases/latest`,
    needs: ['contents', 'read'],
    handle: (call) => ({
      status: 200,
      body: release(call, found(call.repository.releases.findLast((one) => !one.draft && !one.prerelease))),
    }),
  },
  {
    route: `GET ${R}/releases/tags/{tag}`,
    needs: ['contents', 'read'],
    handle: (call) => ({
      status: 200,
      body: release(
        call,
        found(call.repository.releases.find((one) => !one.draft && one.tag_name === call.params['tag'])),
      ),
    }),
  },
  {
    route: `POST ${R}/releases`,
    needs: ['contents', 'write'],
    handle(call) {
      const { body, repository, now } = call;
      const tag = text(body, 'tag_name');
      if (repository.releases.some((one) => one.tag_name === tag))
        throw invalid('Release', 'tag_name', 'already_exists');
      const draft = body['draft'] === true;
      const made: FakeRelease = {
        id: call.nextId(),
        tag_name: tag,
        target_commitish: text(body, 'target_commitish', repository.default_branch),
        name: text(body, 'name', tag),
        body: text(body, 'body'),
        draft,
        prerelease: body['prerelease'] === true,
        created_at: now,
        published_at: draft ? null : now,
      };
      repository.releases.push(made);
      const head = repository.branches[made.target_commitish] ?? made.target_commitish;
      if (!draft && repository.commits[head] !== undefined) repository.tags[tag] ??= head;
      return { status: 201, body: release(call, made) };
    },
  },
  {
    route: `PATCH ${R}/releases/{release_id}`,
    needs: ['contents', 'write'],
    handle(call) {
      const { body, repository, params, now } = call;
      const one = found(repository.releases.find(({ id }) => String(id) === params['release_id']));
      one.name = text(body, 'name', one.name);
      one.body = text(body, 'body', one.body);
      if (typeof body['prerelease'] === 'boolean') one.prerelease = body['prerelease'];
      if (typeof body['draft'] === 'boolean') one.draft = body['draft'];
      if (!one.draft) one.published_at ??= now;
      return { status: 200, body: release(call, one) };
    },
  },
  {
    route: `GET ${R}/issues`,
    needs: ['issues', 'read'],
    handle(call) {
      const state = call.query.get('state') ?? 'open';
      const labels = (call.query.get('labels') ?? '').split(',').filter(Boolean);
      const of = call.repository.issues.filter(
        (one) => (state === 'all' || one.state === state) && labels.every((name) => one.labels.includes(name)),
      );
      return { status: 200, list: { items: of.toReversed().map((one) => issue(call, one)) } };
    },
  },
  {
    route: `POST ${R}/issues`,
    needs: ['issues', 'write'],
    handle(call) {
      const { body, repository, actor, now } = call;
      const labels = Array.isArray(body['labels']) ? body['labels'].filter((one) => typeof one === 'string') : [];
      const made: FakeIssue = {
        number: repository.issues.length + repository.pulls.length + 1,
        title: text(body, 'title'),
        body: text(body, 'body'),
        state: 'open',
        user: actor,
        labels,
        created_at: now,
        comments: [],
      };
      repository.issues.push(made);
      return { status: 201, body: issue(call, made) };
    },
  },
  {
    route: `POST ${R}/issues/{issue_number}/comments`,
    needs: ['issues', 'write'],
    handle(call) {
      const { body, repository, params, actor, now } = call;
      const one = found(repository.issues.find(({ number }) => String(number) === params['issue_number']));
      const made = { id: call.nextId(), user: actor, body: text(body, 'body'), created_at: now };
      one.comments.push(made);
      return {
        status: 201,
        body: {
          ...made,
          user: account(call, actor),
          updated_at: now,
          author_association: 'MEMBER',
          performed_via_github_app: null,
        },
      };
    },
  },
];

const release = (call: Call, one: FakeRelease): JsonObject => ({
  ...one,
  author: account(call, call.actor),
  url: `${call.api}/repos/${call.fullName}/releases/${one.id}`,
  html_url: `https://github.com/${call.fullName}/releases/tag/${encodeURIComponent(one.tag_name)}`,
  assets: [],
});

const issue = (call: Call, one: FakeIssue): JsonObject => ({
  id: 300_000 + one.number,
  number: one.number,
  title: one.title,
  body: one.body,
  state: one.state,
  user: account(call, one.user),
  labels: one.labels,
  comments: one.comments.length,
  created_at: one.created_at,
  updated_at: one.created_at,
  author_association: 'MEMBER',
  html_url: `https://github.com/${call.fullName}/issues/${one.number}`,
});
