import type { EnvSource } from '@papergate/config';
import { isLoopback } from '../reference.ts';
import { RegistryFailure } from '../retry/failure.ts';
import { parseChallenges } from './challenge.ts';
import { findCredentials, type Credentials } from './credentials.ts';
import { send, type Exchange } from './exchange.ts';

export type Access = 'pull' | 'pull,push';

/** Seconds that a token is good for where its issuer does not say (the spec's minimum). */
const TOKEN_SECONDS = 60;
/** A token is not used in its last moments: it must live until the registry has looked at it. */
const TOKEN_MARGIN_MS = 5_000;

/**
 * How one registry wants to be spoken to. Nothing is sent before it asks; what it asked for is remembered, so that
 * the next request has it at once.
 * https://distribution.github.io/distribution/spec/auth/token/
 */
export class RegistryAuth {
  readonly #registry: string;
  readonly #env: EnvSource;
  readonly #exchange: Exchange;
  readonly #now: () => number;
  readonly #tokens = new Map<string, { header: string; until: number }>();
  #basic: string | undefined;
  #credentials: Promise<Credentials | undefined> | undefined;

  constructor(registry: string, env: EnvSource, exchange: Exchange, now: () => number) {
    this.#registry = registry;
    this.#env = env;
    this.#exchange = exchange;
    this.#now = now;
  }

  /** The `Authorization` header for this access, as far as it is known already. */
  header(name: string, access: Access): string | undefined {
    if (this.#basic !== undefined) return this.#basic;
    const held = this.#tokens.get(key(name, access)) ?? this.#tokens.get(key(name, 'pull,push'));
    return held !== undefined && held.until > this.#now() ? held.header : undefined;
  }

  /** Whether docker's configuration has something for this registry. */
  async known(): Promise<boolean> {
    return (await this.#known()) !== undefined;
  }

  /**
   * Answers a 401.
   * @returns the header to come back with; undefined where nothing that we have fits the challenge
   */
  async answer(challenge: string | null, name: string, access: Access): Promise<string | undefined> {
    this.#basic = undefined;
    this.#tokens.delete(key(name, access));
    const challenges = parseChallenges(challenge);
    const credentials = await this.#known();
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) {
      if (credentials?.kind === 'bearer') return `Bearer ${credentials.token.reveal()}`;
      const { header, until } = await this.#token(bearer.parameters, name, access, credentials);
      this.#tokens.set(key(name, access), { header, until });
      return header;
    }
    if (challenges.some(({ scheme }) => scheme === 'basic') && credentials?.kind === 'password') {
      this.#basic = basicHeader(credentials);
      return this.#basic;
    }
    return undefined;
  }

  #known(): Promise<Credentials | undefined> {
    this.#credentials ??= findCredentials(this.#registry, this.#env);
    return this.#credentials;
  }

  async #token(
    parameters: Readonly<Record<string, string>>,
    name: string,
    access: Access,
    credentials: Credentials | undefined,
  ): Promise<{ header: string; until: number }> {
    const realm = this.#realm(parameters['realm']);
    const scope = parameters['scope'] ?? `repository:${name}:${access}`;
    const service = parameters['service'];
    const response =
      credentials?.kind === 'identity'
        ? await send(this.#exchange, realm.href, {
            method: 'POST',
            headers: { 'content-type': 'application/x-www-form-urlencoded' },
            body: new TextEncoder().encode(
              new URLSearchParams({
                grant_type: 'refresh_token',
                client_id: 'papergate',
                refresh_token: credentials.token.reveal(),
                scope,
                ...(service === undefined ? {} : { service }),
              }).toString(),
            ),
          })
        : await send(this.#exchange, tokenUrl(realm, scope, service), {
            method: 'GET',
            headers: credentials?.kind === 'password' ? { authorization: basicHeader(credentials) } : {},
          });
    if (response.status !== 200) {
      throw response.failure(`the token service of ${this.#registry} at ${realm.host}`);
    }
    const { token, access_token: accessToken, expires_in: expires } = response.json() as Record<string, unknown>;
    const found = typeof token === 'string' && token !== '' ? token : accessToken;
    if (typeof found !== 'string' || found === '') {
      throw new RegistryFailure('unexpected', `the token service of ${this.#registry} answered without a token`);
    }
    const seconds = typeof expires === 'number' && expires > 0 ? expires : TOKEN_SECONDS;
    return { header: `Bearer ${found}`, until: this.#now() + seconds * 1000 - TOKEN_MARGIN_MS };
  }

  /** A registry may send us anywhere for its token; our password goes over https, or stays on this machine. */
  #realm(realm: string | undefined): URL {
    const url = realm === undefined || !URL.canParse(realm) ? undefined : new URL(realm);
    const local = url?.protocol === 'http:' && isLoopback(url.host) && isLoopback(this.#registry);
    if (url === undefined || !(url.protocol === 'https:' || local)) {
      throw new RegistryFailure(
        'unexpected',
        `${this.#registry} names ${url === undefined ? 'no' : 'an unprotected'} token service (${url?.origin ?? 'no realm'})`,
      );
    }
    return url;
  }
}

const key = (name: string, access: Access): string => `${name} ${access}`;

function basicHeader({ username, password }: { username: string; password: { reveal(): string } }): string {
  return `Basic ${Buffer.from(`${username}:${password.reveal()}`).toString('base64')}`;
}

function tokenUrl(realm: URL, scope: string, service: string | undefined): string {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  url.searchParams.set('scope', scope);
  return url.href;
}
