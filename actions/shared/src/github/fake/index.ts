/**
 * A GitHub API for tests and for workflows under act: `startGitHubFake({ state })` listens on loopback, keeps its
 * state as plain JSON, and holds every request and every answer to GitHub's own description. See README.md beside.
 */
export { startGitHubFake, type FakeRequest, type GitHubFake, type GitHubFakeOptions } from './server.ts';
export { BOT, makeState, type FakeState, type GivenState } from './state.ts';
export type * from './state.ts';
export type { Fault, FaultKind } from './faults.ts';
export { learnCommits } from './checkout.ts';
export { finishJob, startJob } from './jobs.ts';
