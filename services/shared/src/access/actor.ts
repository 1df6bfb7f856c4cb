import { ROLES, type Role } from '@papergate/config';

/** On whose behalf a request acts. */
export interface Actor {
  /** The name of its token; `bundle`: the bundle's own; `anonymous`: development without tokens; `service:…`, `strategy:…`: nobody. */
  readonly name: string;
  readonly role: Role;
}

/** What of a request goes with it to the next service, so that the audit there names the person and not the messenger. */
export interface ActingRequest {
  readonly actor: Actor;
  readonly id: string;
}

export const BUNDLE: Actor = { name: 'bundle', role: 'operator' };
/** In development on loopback, where no token is set. */
export const ANONYMOUS: Actor = { name: 'anonymous', role: 'operator' };
/** On paths that ask for no token. */
export const NOBODY: Actor = { name: 'anonymous', role: 'viewer' };

export const ACTOR_HEADER = 'x-papergate-actor';
const ROLE_HEADER = 'x-papergate-actor-role';
const REQUEST_HEADER = 'x-papergate-request';
const FORWARDED = /^(?:(?:service|strategy):)?[a-z0-9][A-Za-z0-9._-]{0,63}$/;
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** The headers that carry it; they are believed only beside the bundle's own token. */
export function actingHeaders({ actor, id }: ActingRequest): Record<string, string> {
  return { [ACTOR_HEADER]: actor.name, [ROLE_HEADER]: actor.role, [REQUEST_HEADER]: id };
}

/** Who a sibling service says that it acts for; undefined where it says nothing that can be a name. */
export function forwardedActor(headers: Headers, roleOf: (name: string) => Role | undefined): Actor | undefined {
  const name = headers[ACTOR_HEADER];
  if (typeof name !== 'string' || !FORWARDED.test(name)) return undefined;
  const said = ROLES.find((role) => role === headers[ROLE_HEADER]);
  // Who may send this may do everything anyway; so a name without a role takes nothing away from it.
  return { name, role: said ?? roleOf(name) ?? BUNDLE.role };
}

export function forwardedId(headers: Headers): string | undefined {
  const id = headers[REQUEST_HEADER];
  return typeof id === 'string' && REQUEST_ID.test(id) ? id : undefined;
}
