// The guard: outlives its owner by seconds, only to end what the owner started.
//
// It reads lines of JSON on stdin: {"add": {pid, started, signal}} and {"drop": pid}. When stdin closes, which
// the kernel sees to even if the owner is SIGKILLed, it ends every process that was added and not dropped:
// last added first, its own polite signal, patience, then SIGKILL. It is plain JavaScript with no imports from
// the project, so that it starts fast and cannot break with it. It runs in a session of its own, which keeps
// Ctrl-C and group kills away from it.
import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { createInterface } from 'node:readline';

const patienceMs = Number(process.argv[2] ?? 10_000);
/** @type {Map<number, {pid: number, started: string, signal: string}>} */
const charges = new Map();

// Only the end of stdin ends the guard.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

function startOf(pid) {
  try {
    if (process.platform !== 'linux') {
      const text = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
      const [state, ...start] = text.split(/\s+/);
      return state.startsWith('Z') ? undefined : start.join(' ');
    }
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${fields[19]}`;
  } catch {
    return undefined;
  }
}

// The owner may have been killed in the middle of a line; that one is lost, the others must not be.
function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}

const isRunning = (charge) => startOf(charge.pid) === charge.started;

function send(charge, signal) {
  if (!isRunning(charge)) return;
  try {
    process.kill(charge.pid, signal);
  } catch {
    // It went in this very moment, which is what was wanted.
  }
}

async function end(charge) {
  send(charge, charge.signal);
  for (const until = Date.now() + patienceMs; isRunning(charge) && Date.now() < until;) {
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  send(charge, 'SIGKILL');
}

for await (const line of createInterface({ input: process.stdin })) {
  const message = parse(line);
  if (message.add) charges.set(message.add.pid, message.add);
  if (message.drop) charges.delete(message.drop);
}
for (const charge of [...charges.values()].toReversed()) await end(charge);
