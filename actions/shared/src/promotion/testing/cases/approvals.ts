import type { BadCase } from '../cases.ts';
import { ago, commit, deploymentOf, mergeBefore, RELEASE, RUN_ID } from '../world.ts';

const approval = (user: string, state: 'approved' | 'rejected' = 'approved') => ({
  environment: 'production',
  state,
  user,
  comment: '',
});
const review = (user: string, change: object = {}) => ({
  user,
  state: 'APPROVED',
  commit_id: commit('d'),
  submitted_at: ago(81),
  association: 'MEMBER',
  ...change,
});

/** Who approved, and who must not count. */
export const APPROVAL_CASES: BadCase[] = [
  {
    title: 'nobody approved the pull request',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil: ({ pull }) => void (pull.reviews = []),
  },
  {
    title: 'the same person approved twice',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil: ({ pull }) => void (pull.reviews = [review('operator')]),
  },
  {
    title: 'who opened the pull request approved the run',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil: ({ run }) => void (run.approvals = [approval('writer')]),
  },
  {
    title: 'an approver opened the pull request, with commits of another',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil: ({ pull }) => void (pull.user = 'reviewer'),
  },
  {
    title: 'an approver wrote one of the commits',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil: ({ repository }) => void (repository.commits[commit('d')]!.author = 'reviewer'),
  },
  {
    title: 'an approver committed one of the commits',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil: ({ repository }) => void (repository.commits[commit('d')]!.committer = 'reviewer'),
  },
  {
    title: 'an approver is a co-author, by GitHub’s hidden address',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil: ({ repository }) =>
      void (repository.commits[commit('c')]!.message =
        'Make it faster\n\nCo-authored-by: R <501+Reviewer@users.noreply.github.com>'),
  },
  {
    title: 'an approver is a co-author, by an address of the configuration',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil({ repository, config }) {
      repository.commits[commit('d')]!.message = 'Faster\n\nCo-authored-by: R <r@example.com>\n';
      config.approvers.accounts = { 'R@example.com': 'reviewer' };
    },
  },
  {
    title: 'a co-author cannot be told from the approvers',
    rule: 'approvers',
    code: 'APPROVERS_AUTHOR_UNKNOWN',
    spoil: ({ repository }) =>
      void (repository.commits[commit('d')]!.message = 'Faster\n\nCo-authored-by: Somebody <somebody@example.com>'),
  },
  {
    title: 'the author has no account',
    rule: 'approvers',
    code: 'APPROVERS_AUTHOR_UNKNOWN',
    spoil: ({ repository }) => void (repository.commits[commit('d')]!.author = null),
  },
  {
    title: 'the approval is of an earlier commit',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil: ({ pull }) => void (pull.reviews = [review('reviewer', { commit_id: commit('a') })]),
  },
  {
    title: 'the approval was taken back',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil: ({ pull }) => void pull.reviews.push(review('reviewer', { state: 'DISMISSED', submitted_at: ago(80.5) })),
  },
  {
    title: 'somebody asked for changes',
    rule: 'approvers',
    code: 'APPROVERS_REJECTED',
    spoil: ({ pull }) => void pull.reviews.push(review('helper', { state: 'CHANGES_REQUESTED' })),
  },
  {
    title: 'somebody rejected the run',
    rule: 'approvers',
    code: 'APPROVERS_REJECTED',
    spoil: ({ run }) => void run.approvals.push(approval('helper', 'rejected')),
  },
  {
    title: 'a stranger approved',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil: ({ pull }) => void (pull.reviews = [review('stranger', { association: 'NONE' })]),
  },
  {
    title: 'a bot approved',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil: ({ pull }) => void (pull.reviews = [review('github-actions[bot]')]),
  },
  {
    title: 'the pull request went into another branch',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil: ({ pull }) => void (pull.base = 'next'),
  },
  {
    title: 'nobody approved the run, though two approved the change',
    rule: 'approvers',
    code: 'APPROVERS_NONE_OF_RUN',
    spoil({ pull, run }) {
      pull.reviews = [review('reviewer'), review('helper')];
      run.approvals = [];
    },
  },
  {
    title: 'the run was approved for another environment',
    rule: 'approvers',
    code: 'APPROVERS_NONE_OF_RUN',
    spoil({ run, repository, production }) {
      repository.environments['try'] = { ...production, id: 77 };
      run.approvals = [{ ...approval('operator'), environment: 'try' }];
    },
  },
  {
    title: 'before the approval, nobody but the writer has looked at it',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil(world) {
      world.moment = 'before-approval';
      world.run.approvals = [];
      world.pull.reviews = [];
    },
  },
  {
    title: 'a change before the last one was approved by nobody, though it is as new to production',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil: (world) => void mergeBefore(world, 5, 'writer', undefined),
  },
  {
    title: 'an approver of the last change wrote one before it',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil: (world) => void mergeBefore(world, 5, 'reviewer', 'helper'),
  },
  {
    title: 'who approved the run wrote a change before the last one',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil(world) {
      world.config.approvers.wrote_nothing_of = 'change';
      mergeBefore(world, 5, 'operator', 'reviewer');
    },
  },
  {
    title: 'a commit before the last one came by no pull request',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil({ repository }) {
      repository.commits[commit('9')] = { parents: [commit('a')], message: 'Hurry', author: 'writer', date: ago(91) };
      repository.commits[RELEASE.commit]!.parents = [commit('9')];
    },
  },
  {
    title: 'the last release failed in production, so that its changes are still new',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil(world) {
      const { merge_commit_sha: merged } = mergeBefore(world, 5, 'writer', undefined);
      const failed = { id: 119, hoursAgo: 30, environment: 'production', state: 'failure' };
      world.repository.deployments.push({ ...deploymentOf(RELEASE, failed), sha: merged ?? '' });
    },
  },
  {
    title: 'a merge was not made by GitHub, and its author approved the change',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil(world) {
      const { merge_commit_sha: merged } = mergeBefore(world, 5, 'writer', 'reviewer');
      // The name of GitHub's account can be written into any commit; its signature cannot.
      Object.assign(world.repository.commits[merged ?? '']!, { author: 'reviewer', verified: false });
    },
  },
  {
    title: 'somebody resolved a conflict with GitHub’s editor, and approved the change',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil(world) {
      const pull = mergeBefore(world, 5, 'writer', 'reviewer');
      const [own = ''] = pull.commits;
      const resolved = { parents: [own, commit('a')], committer: 'web-flow', verified: true };
      world.repository.commits[commit('6')] = { ...resolved, message: 'Merge main', author: 'reviewer', date: ago(95) };
      pull.commits.push(commit('6'));
      pull.head_sha = commit('6');
      for (const one of pull.reviews) one.commit_id = commit('6');
      world.repository.commits[pull.merge_commit_sha ?? '']!.parents = [commit('a'), commit('6')];
    },
  },
  {
    title: 'an earlier attempt of the run has delivered it, which makes its changes no older',
    rule: 'approvers',
    code: 'APPROVERS_TOO_FEW',
    spoil(world) {
      mergeBefore(world, 5, 'writer', undefined);
      const earlier = { id: 121, hoursAgo: 1, environment: 'production', run: RUN_ID };
      world.repository.deployments.push(deploymentOf(RELEASE, earlier));
    },
  },
  {
    title: 'a change has more commits than GitHub lists',
    rule: 'approvers',
    code: 'APPROVERS_AUTHOR_UNKNOWN',
    spoil({ pull, repository }) {
      pull.commits = Array.from({ length: 250 }, (_, index) => String(1000 + index).padStart(40, 'f'));
      for (const sha of pull.commits) repository.commits[sha] = { ...repository.commits[commit('d')]! };
    },
  },
  {
    title: 'production has nothing on record and the configuration names nothing to count from',
    rule: 'approvers',
    code: 'APPROVERS_SINCE_UNKNOWN',
    spoil: ({ repository }) => void repository.deployments.shift(),
  },
  {
    title: 'GitHub does not know the commit that production runs',
    rule: 'approvers',
    code: 'GITHUB_NOT_FOUND',
    spoil: ({ repository }) => void (repository.deployments[0]!.sha = commit('8')),
  },
  {
    title: 'the approvals cannot be read',
    rule: 'approvers',
    code: 'GITHUB_FORBIDDEN',
    spoil: (world) =>
      void (world.fault = {
        kind: 'status',
        status: 403,
        route: 'GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals',
      }),
  },
  {
    title: 'the run is unknown',
    rule: 'approvers',
    code: 'GITHUB_NOT_FOUND',
    spoil: ({ run }) => void (run.id = RUN_ID + 5),
  },
];
