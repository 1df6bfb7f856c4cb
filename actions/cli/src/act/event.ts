import type { Origin } from './origin.ts';

/** The pull request that is made up. */
const PULL = 1;

/** What GitHub calls the commit that a run is of: of a pull request, its merge into the branch that it is for. */
export const refOf = (event: string, origin: Pick<Origin, 'ref'>): string =>
  event === 'pull_request' ? `refs/pull/${PULL}/merge` : origin.ref;

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
  const head = { ref: 'change', sha: origin.commit, repo: { full_name: repository } };
  const own: Record<string, Record<string, unknown>> = {
    push: { ref: origin.ref, after: origin.commit, head_commit: { id: origin.commit }, forced: false, deleted: false },
    pull_request: {
      action: 'synchronize',
      number: PULL,
      pull_request: { number: PULL, draft: false, head, base: { ref: origin.defaultBranch, sha: origin.commit } },
    },
    workflow_dispatch: { ref: origin.ref, inputs },
    schedule: { schedule: '' },
  };
  return { ...common, ...own[event], ...over };
}
