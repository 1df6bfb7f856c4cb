import { spawn } from 'node:child_process';
import { constants, homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensurePackages } from './install.mjs';
import { say } from './say.mjs';
import { Stop } from './stop.mjs';
import { checkNode, findNode } from './versions.mjs';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** Makes sure that everything is installed, then hands over to the command in Node 24 and ends as it ends. */
export async function launch(args) {
  try {
    checkNode();
    await ensurePackages(root, say);
    process.exitCode = await hand(findNode(root), args);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    process.stderr.write(`${error.code}: ${error.message}\n  fix: ${error.fix}\n`);
    process.exitCode = error.exitCode;
  }
}

function hand(node, args) {
  return new Promise((resolve, reject) => {
    // With what was compiled the last time, a command starts with half of the work.
    // The fourth channel is never written to: its end tells the command that we are gone, however we went.
    const child = spawn(node, ['--disable-warning=ExperimentalWarning', main, ...args], {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      env: {
        NODE_COMPILE_CACHE: join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'papergate', 'node'),
        ...process.env,
        PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`,
      },
    });
    // Ctrl-C on a terminal reaches the command directly, by npm, and by us; it counts what comes within a second as one.
    const pass = (signal) => child.kill(signal);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, pass);
    const leave = watchNpm(() => child.kill('SIGTERM'));
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      leave();
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(name, pass);
      resolve(code ?? 128 + (constants.signals[signal] ?? 0));
    });
  });
}

// npm killed outright tells nobody, and what `npm start` began must not outlive it.
function watchNpm(onGone) {
  if (process.env.npm_lifecycle_event === undefined) return () => {};
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid !== parent) onGone();
  }, 1000);
  timer.unref();
  return () => clearInterval(timer);
}
