import type { Origin } from './origin.ts';

interface EventFacts {
  event: string;
  repository: string;
  origin: Origin;
  inputs: Readonly<Record<string, string>>;
}

/** The payload that GitHub would send with an event, as far as workflows look into it. `over` is laid over it. */
export function makeEvent(facts: EventFacts, over: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const { event, repository, origin, inputs } = facts;
  const [owner = '', name = ''] = repository.split('/');
  const common = {
    repository: {
      full_name: repository,
      name,
      owner: { login: owner },
      default_branch: origin.defaultBranch,
      private: true,
    },
    sender: { login: 'developer' },
  };
  const head = { ref: origin.ref, sha: origin.commit, repo: { full_name: repository } };
  const own: Record<string, Record<string, unknown>> = {
    push: { ref: origin.ref, after: origin.commit, head_commit: { id: origin.commit }, forced: false, deleted: false },
    pull_request: {
      action: 'synchronize',
      number: 1,
      pull_request: { number: 1, draft: false, head, base: { ref: origin.defaultBranch, sha: origin.commit } },
    },
    workflow_dispatch: { ref: origin.ref, inputs },
    schedule: { schedule: '' },
  };
  return { ...common, ...own[event], ...over };
}
