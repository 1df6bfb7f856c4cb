import { ExternalError, PapergateError, UserError, EXIT } from '@papergate/config';

/**
 * What a compose place throws, beside DOCKER_MISSING, ENGINE_UNREACHABLE, ENGINE_TOO_OLD, COMPOSE_MISSING,
 * COMPOSE_TOO_OLD (images/docker) and what its host throws:
 *
 * | code | exit | means |
 * | --- | --- | --- |
 * | DOCKER_FAILED | 3 | docker said no; its own words are in the message |
 * | PORT_IN_USE | 3 | a port that is to be published is held by something else |
 * | PROJECT_TAKEN | 3 | the project's name belongs to another place, or to containers that are not ours |
 * | DISK_FULL | 3 | the images and containers would not fit |
 * | IMAGE_PULL_FAILED | 3 | an image could not be fetched |
 * | CONTAINER_WRONG_IMAGE | 1 | a container was made from another image than the manifest names |
 * | INFRASTRUCTURE_FAILED | 3 | PostgreSQL (or the monitoring) did not become healthy |
 * | MIGRATION_FAILED | 1 | the release's migrations ended with an error |
 * | NOT_PREPARED | 3 | the place has no containers of this release |
 * | START_FAILED | 1 | the engine could not start a container |
 * | STILL_RUNNING | 3 | a service of another release still runs, or one could not be stopped |
 * | PLACE_SECRET_MISSING | 2 | a secret that the release's containers need is neither given nor in the place |
 */
export function dockerFailed(what: string, words: string): ExternalError {
  return new ExternalError({
    code: 'DOCKER_FAILED',
    message: `${what}: ${words === '' ? 'docker gave no reason' : words}`,
    fix: 'the words are docker’s own; try again once what they name is mended',
  });
}

export function notPrepared(service: string, digest: string): ExternalError {
  return new ExternalError({
    code: 'NOT_PREPARED',
    message: `there is no container of ${service} for release ${digest.slice(0, 19)} in this place`,
    fix: 'deploy the release again: that makes its containers anew',
  });
}

export function startFailed(service: string, words: string): PapergateError {
  const port = /port is already allocated|address already in use|ports are not available/i.test(words);
  if (port) {
    return new ExternalError({
      code: 'PORT_IN_USE',
      message: `${service} could not be started, its port is taken: ${words}`,
      fix: 'end what holds the port, or deploy with other ports',
    });
  }
  return new PapergateError({
    code: 'START_FAILED',
    exitCode: EXIT.blocked,
    message: `the engine could not start ${service}: ${words}`,
    fix: 'mend what the engine names: the image (its platform, its program), or a file of the place that is gone; then deploy again',
  });
}

export function projectTaken(project: string, found: string): ExternalError {
  return new ExternalError({
    code: 'PROJECT_TAKEN',
    message: `the project ${project} belongs to ${found}`,
    fix: 'choose another name with --project, or take the other one down where it belongs',
  });
}

export function secretMissing(names: readonly string[]): UserError {
  return new UserError({
    code: 'PLACE_SECRET_MISSING',
    message: `the containers need ${names.join(', ')}, which was not given and is not in the place`,
    fix: `set ${names.map((name) => `${name} or ${name}_FILE`).join(', ')} and deploy again`,
  });
}
