import type { Route } from '../call.ts';
import { COMMIT_ROUTES } from './commits.ts';
import { DEPLOYMENT_ROUTES } from './deployments.ts';
import { ENVIRONMENT_ROUTES } from './environments.ts';
import { RELEASE_ROUTES } from './releases.ts';
import { REPOSITORY_ROUTES } from './repository.ts';
import { RULESET_ROUTES } from './rulesets.ts';
import { RUN_ROUTES } from './runs.ts';

/** The limit of requests is the server's own: see `limits.ts`. */
export const RATE_LIMIT_ROUTE: Route = {
  route: 'GET /rate_limit',
  handle: () => ({ status: 200, body: {} }),
};

/** All that the fake serves; each is an operation of GitHub's description. */
export const ROUTES: readonly Route[] = [
  RATE_LIMIT_ROUTE,
  ...REPOSITORY_ROUTES,
  ...COMMIT_ROUTES,
  ...DEPLOYMENT_ROUTES,
  ...ENVIRONMENT_ROUTES,
  ...RUN_ROUTES,
  ...RULESET_ROUTES,
  ...RELEASE_ROUTES,
];
