import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  truncateSync,
} from 'node:fs';

const KEPT = 3;

/**
 * Opens a log for a child to write to. The child holds the file itself, opened for appending: nothing of ours
 * stands between a service and its log, and a line written is there however we die.
 */
export function openLog(path: string): number {
  return openSync(path, 'a', 0o600);
}

/** Size of a log now, bytes: where the lines of a process that is about to start will begin. */
export function logSize(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

/**
 * Moves a log that has grown beyond `limit` bytes aside: `x.log.1` is the youngest, `x.log.3` the oldest. The
 * writer keeps its open file, so the text is copied and the file emptied; O_APPEND makes the writer go on at 0.
 */
export function rotateLog(path: string, limit: number): boolean {
  if (logSize(path) <= limit) return false;
  for (let age = KEPT - 1; age >= 1; age -= 1) {
    if (existsSync(`${path}.${age}`)) renameSync(`${path}.${age}`, `${path}.${age + 1}`);
  }
  copyFileSync(path, `${path}.1`);
  truncateSync(path, 0);
  return true;
}

/** The last `count` lines of a log, not from before byte `from`; reads at most 256 KiB. */
export function lastLines(path: string, count: number, from = 0): string[] {
  if (count === 0 || !existsSync(path)) return [];
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    // A rotation in between made the file shorter: everything that is left is younger than `from`.
    const start = Math.max(size < from ? 0 : from, size - 256 * 1024);
    const buffer = Buffer.alloc(Math.max(0, size - start));
    readSync(file, buffer, 0, buffer.length, start);
    const lines = buffer.toString('utf8').split('\n');
    return lines.filter((line) => line.trim() !== '').slice(-count);
  } finally {
    closeSync(file);
  }
}

interface LogLine {
  level?: number;
  time?: string;
  msg?: string;
  err?: { message?: string };
}

const LEVELS: Record<number, string> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };

/** A line as a person reads it: of a JSON line its time, level and message; any other line as it is. */
export function readableLine(line: string): string {
  try {
    const { level, time, msg, err } = JSON.parse(line) as LogLine;
    if (msg === undefined && err?.message === undefined) return line;
    const text = [msg, err?.message].filter((part) => part !== undefined && part !== '').join(': ');
    return `${time ?? ''} ${LEVELS[level ?? 30] ?? 'info'} ${text}`.trim();
  } catch {
    return line;
  }
}
