export { checkedRepository, GITHUB_API, openGitHub, type GitHubOptions } from './open.ts';
export { currentOf } from './deployments/index.ts';
export { runOfUrl } from './deployments/read.ts';
export { fullSha, writersOf, type CheckRun, type GitHubCommit, type MergedPull, type Review } from './commits.ts';
export type {
  Current as CurrentDeployment,
  Deployment as GitHubDeployment,
  DeploymentPayload,
  DeploymentState,
  DeploymentStatus,
  NewDeployment,
  NewStatus,
} from './deployments/types.ts';
export type { BranchPolicy, Environment as GitHubEnvironment, WantedEnvironment } from './environments.ts';
export type {
  Artifact as GitHubArtifact,
  AttestationBundle,
  PendingDeployment,
  RunApproval,
  WorkflowRun,
} from './runs.ts';
export type { RepositoryFacts, Rule as BranchRule, Ruleset } from './settings.ts';
export type { GitHub, Person, Reviewer } from './types.ts';
export type { GitHubClock, GitHubPatience, GitHubRetry } from './retry.ts';
