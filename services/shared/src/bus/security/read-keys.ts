import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import {
  BUS_SERVICES,
  messageOf,
  parseBusKeys,
  Secret,
  UserError,
  type BusKeys,
  type RuntimeEnv,
  type ServiceName,
} from '@papergate/config';

const LARGEST_FILE = 64 * 1024;
const FOR_OTHERS = 0o077;
const WRITABLE_BY_OTHERS = 0o022;

/**
 * The keys of a service's sockets, out of the file that `BUS_KEY_FILE` names. Undefined where there is none, which is
 * allowed in development alone, and for a service without a socket on the bus.
 *
 * @throws UserError BUS_KEY_MISSING, BUS_KEY_UNREADABLE, BUS_KEY_UNSAFE, BUS_KEY_INVALID
 */
export function readBusKeys(
  service: ServiceName,
  { busKeyFile, environment }: Pick<RuntimeEnv, 'busKeyFile' | 'environment'>,
): BusKeys | undefined {
  if (!BUS_SERVICES.includes(service)) return undefined;
  if (busKeyFile !== undefined) return parseBusKeys(readKeyFile(busKeyFile), service, busKeyFile);
  if (environment === 'development') return undefined;
  throw new UserError({
    code: 'BUS_KEY_MISSING',
    message: `BUS_KEY_FILE is missing; ${service} runs in ${environment}, where every socket of the bus has keys`,
    fix: 'deliver it with papergate, which makes the keys once a place; started by hand: BUS_KEY_FILE is the path of its file there',
  });
}

function readKeyFile(path: string): Secret {
  let handle: number | undefined;
  try {
    // Not blocking: a named pipe would hang the start for ever.
    handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(handle);
    if (!stat.isFile()) throw unreadable(path, 'it is no plain file');
    if (stat.size > LARGEST_FILE) throw unreadable(path, `it has ${stat.size} bytes, allowed: up to ${LARGEST_FILE}`);
    refuseUnsafe(path, stat.mode, stat.uid);
    return new Secret(readFileSync(handle, 'utf8'));
  } catch (error) {
    throw error instanceof UserError ? error : unreadable(path, messageOf(error), error);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

/**
 * Where the file is ours, nobody else has to read it. In a container it may be the deployer's, who could only make it
 * readable for all and lock the folder around it: then at least nobody else may write it.
 */
function refuseUnsafe(path: string, mode: number, owner: number): void {
  const forbidden = owner === process.getuid?.() ? FOR_OTHERS : WRITABLE_BY_OTHERS;
  if ((mode & forbidden) === 0) return;
  throw new UserError({
    code: 'BUS_KEY_UNSAFE',
    message: `the file ${path} (BUS_KEY_FILE) has the mode ${(mode & 0o777).toString(8)}: others may ${(mode & WRITABLE_BY_OTHERS) === 0 ? 'read' : 'write'} the keys of the bus`,
    fix: `chmod 600 ${path}; where somebody may have read it, take new keys with "npx papergate bus-keys --rotate"`,
  });
}

const unreadable = (path: string, why: string, cause?: unknown): UserError =>
  new UserError({
    code: 'BUS_KEY_UNREADABLE',
    message: `the file ${path} (BUS_KEY_FILE) cannot be read: ${why}`,
    fix: 'see that it is there and belongs to the user of the service; a deploy writes it anew',
    cause,
  });
