import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Stop } from './stop.mjs';

const OLDEST_NODE = 20;
const OLDEST_NPM = 9;
const WANTED_NODE = 24;

const major = (version) => Number(/^v?(\d+)\./.exec(String(version).trim())?.[1] ?? 0);

export function checkNode(version = process.versions.node) {
  if (major(version) >= OLDEST_NODE) return;
  throw new Stop(
    'NODE_TOO_OLD',
    `this is Node ${version}, allowed: ${OLDEST_NODE} or newer`,
    'install a newer Node (https://nodejs.org) and try again; Papergate brings Node 24 by itself from there',
    3,
  );
}

/** How npm is run: by the very npm that runs us where there is one, else by the one on the path. */
export function npmCommand(env = process.env) {
  const own = env.npm_execpath;
  if (own !== undefined && own.endsWith('npm-cli.js') && existsSync(own)) return [process.execPath, own];
  return ['npm'];
}

export function checkNpm([command, ...args]) {
  let version;
  try {
    version = execFileSync(command, [...args, '--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    throw new Stop(
      'NPM_MISSING',
      'npm cannot be run, and packages have to be installed',
      'install npm 9 or newer; it comes with Node',
      3,
    );
  }
  if (major(version) >= OLDEST_NPM) return;
  throw new Stop(
    'NPM_TOO_OLD',
    `this is npm ${version}, allowed: ${OLDEST_NPM} or newer`,
    'run "npm install --global npm"',
    3,
  );
}

/** The Node 24 that came as a package; where there is none for this platform, or it does not run here, our own if it is new enough. */
export function findNode(root) {
  const brought = join(root, 'node_modules', '.bin', 'node');
  if (existsSync(brought)) {
    const { status, stdout } = spawnSync(brought, ['--version'], { encoding: 'utf8' });
    if (status === 0 && major(stdout) >= WANTED_NODE) return brought;
  }
  if (major(process.versions.node) >= WANTED_NODE) return process.execPath;
  throw new Stop(
    'NO_NODE_24',
    `there is no Node ${WANTED_NODE} package that runs on ${process.platform} ${process.arch}, and this is Node ${process.versions.node}`,
    `install Node ${WANTED_NODE} or newer and try again`,
    3,
  );
}
