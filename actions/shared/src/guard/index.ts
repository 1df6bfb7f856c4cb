import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ProcessId } from '../process/facts.ts';

/**
 * Sees to it that processes die with this one, however it dies. The work is done by a small process of its own
 * (`guard.mjs`), which learns of our end by the end of its stdin.
 */
export class Guard {
  readonly #child: ChildProcess;

  constructor({ patienceMs = 10_000 }: { patienceMs?: number } = {}) {
    this.#child = spawn(process.execPath, [fileURLToPath(new URL('guard.mjs', import.meta.url)), String(patienceMs)], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#child.on('error', () => {});
    this.#child.stdin?.on('error', () => {});
    this.#child.unref();
    (this.#child.stdin as { unref?: () => void } | null)?.unref?.();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** From now on this process is ended when we end; `signal` is the polite way to ask it. */
  add(id: ProcessId, signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#child.stdin?.write(`${JSON.stringify({ add: { ...id, signal } })}\n`);
  }

  /** It has ended by itself, or may outlive us. */
  drop(pid: number): void {
    this.#child.stdin?.write(`${JSON.stringify({ drop: pid })}\n`);
  }

  /** Ends the guard, after it has ended what it still guards. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.ref();
    const exited = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await exited;
  }
}
