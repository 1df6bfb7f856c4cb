import { createPrivateKey, createPublicKey, hkdfSync } from 'node:crypto';
import { UserError } from '../errors.ts';
import type { ServiceName } from '../schema/system.ts';
import { Secret } from '../secret.ts';
import { BUS_SERVICES, busPeersOf } from './links.ts';
import { fromZ85, toZ85 } from './z85.ts';

/** What a service needs to speak CURVE (ZeroMQ RFC 26): its own pair, and the public keys of those it has to do with. Z85. */
export interface BusKeys {
  service: ServiceName;
  publicKey: string;
  secretKey: Secret;
  peers: ReadonlyMap<ServiceName, string>;
}

/** A seed is random text; from 256 random bits on (43 characters of base64url) nobody can guess what follows from it. */
export const BUS_SEED_LENGTH = 43;

const FIX =
  'let the delivery write it anew: stop the bundle, take the new keys with "npx papergate bus-keys --rotate", deploy';

/**
 * The key files of a place's services, by service, all of one seed: the same seed gives the same files, so that a place
 * keeps one secret, a file that was lost comes back as it was, and two deployers that write them write the same.
 * A file holds the secret key of its own service alone; from it no other follows (HKDF, RFC 5869, one label a service).
 *
 * @throws UserError BUS_SEED_INVALID
 */
export function busKeyFiles(seed: Secret): Map<ServiceName, Secret> {
  checkBusSeed(seed);
  const pairs = new Map(BUS_SERVICES.map((service) => [service, pairOf(seed, service)] as const));
  const publicOf = (service: ServiceName): string => pairs.get(service)?.publicKey ?? '';
  return new Map(
    [...pairs].map(([service, { publicKey, secretKey }]) => {
      const peers = Object.fromEntries(busPeersOf(service).map((peer) => [peer, publicOf(peer)]));
      return [service, new Secret(`${JSON.stringify({ service, public: publicKey, secret: secretKey, peers })}\n`)];
    }),
  );
}

/** @throws UserError BUS_SEED_INVALID */
export function checkBusSeed(seed: Secret): void {
  if (/^[\w-]{43,200}$/.test(seed.reveal())) return;
  throw new UserError({
    code: 'BUS_SEED_INVALID',
    message: `the seed of the bus's keys is no text of at least ${BUS_SEED_LENGTH} letters, digits, "-" and "_"`,
    fix: 'stop the bundle, take new keys with "npx papergate bus-keys --rotate", deploy',
  });
}

function pairOf(seed: Secret, service: ServiceName): { publicKey: string; secretKey: string } {
  const label = `papergate bus curve25519 ${service}`;
  const secret = Buffer.from(hkdfSync('sha256', seed.reveal(), '', label, 32));
  return { publicKey: toZ85(publicOf(secret)), secretKey: toZ85(secret) };
}

/** PKCS#8 around the 32 bytes of an X25519 key (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** Any 32 bytes are a secret key of Curve25519; the public one follows. */
function publicOf(secret: Buffer): Buffer {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, secret]), format: 'der', type: 'pkcs8' });
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  return Buffer.from(x ?? '', 'base64url');
}

/**
 * Reads a key file's text. What it holds is never quoted.
 * @param where the file, for messages
 * @throws UserError BUS_KEY_INVALID
 */
export function parseBusKeys(text: Secret, service: ServiceName, where: string): BusKeys {
  const refuse = (what: string): UserError =>
    new UserError({ code: 'BUS_KEY_INVALID', message: `the bus's keys in ${where} cannot be used: ${what}`, fix: FIX });
  let found: unknown;
  try {
    found = JSON.parse(text.reveal());
  } catch {
    // The parser's message quotes the text.
    throw refuse('the file is no JSON');
  }
  if (!isObject(found)) throw refuse('the file is no JSON object');
  if (found['service'] !== service) throw refuse(`they are not those of ${service}`);
  const { public: publicKey, secret, peers } = found;
  if (!isKey(publicKey)) throw refuse('"public" is no key of 40 characters of Z85');
  if (!isKey(secret)) throw refuse('"secret" is no key of 40 characters of Z85');
  if (toZ85(publicOf(fromZ85(secret) ?? Buffer.alloc(32))) !== publicKey) {
    throw refuse('"public" does not belong to "secret"');
  }
  if (!isObject(peers)) throw refuse('"peers" is no object of public keys');
  const known = busPeersOf(service).map((peer) => {
    const key = peers[peer];
    if (!isKey(key)) throw refuse(`"peers" has no key of 40 characters of Z85 for ${peer}`);
    return [peer, key] as const;
  });
  return { service, publicKey, secretKey: new Secret(secret), peers: new Map(known) };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isKey = (value: unknown): value is string =>
  typeof value === 'string' && value.length === 40 && fromZ85(value) !== undefined;
