import type { Json, JsonObject } from './description/types.ts';
import type { FakeRepository, FakeState, FakeUser } from './state.ts';

/** One request, as a route sees it. */
export interface Call {
  state: FakeState;
  /** Of the path; a route without `{repo}` must not ask for it. */
  repository: FakeRepository;
  fullName: string;
  owner: string;
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  body: JsonObject;
  /** Login behind the token. */
  actor: string;
  /** Where the fake listens. */
  api: string;
  /** RFC 3339, to the second. */
  now: string;
  nextId(): number;
}

export interface Reply {
  status: number;
  body?: Json;
  /**
   * A list: the server cuts a page out of it. `key`: under which it lies, beside `total_count` where counted.
   * `isByCursor`: its pages have no numbers but say what comes after them.
   */
  list?: { items: Json[]; key?: string; isCounted?: boolean; isByCursor?: boolean };
}

export interface Route {
  /** As GitHub's description has it. */
  route: string;
  /** The permission that a token needs; undefined: any token. */
  needs?: readonly [permission: string, access: 'read' | 'write'];
  handle(call: Call): Reply;
}

/** An answer that is no success, thrown out of a route. */
export class Refusal extends Error {
  readonly status: number;
  readonly errors: JsonObject[];

  constructor(status: number, message: string, errors: JsonObject[] = []) {
    super(message);
    this.status = status;
    this.errors = errors;
  }
}

export const missing = (): Refusal => new Refusal(404, 'Not Found');
export const invalid = (resource: string, field: string, code: string): Refusal =>
  new Refusal(422, 'Validation Failed', [{ resource, field, code }]);

/** @throws Refusal 404 */
export function found<T>(value: T | undefined): T {
  if (value === undefined) throw missing();
  return value;
}

export const text = (body: JsonObject, key: string, usual = ''): string => {
  const value = body[key];
  return typeof value === 'string' ? value : usual;
};

/** Somebody who is named and not listed exists all the same, under an id of their own. */
export function userOf(state: FakeState, login: string): FakeUser {
  state.users[login] ??= { id: state.next_id++, isBot: login.endsWith('[bot]') };
  return state.users[login];
}
