import type { Holder } from '../../lease/index.ts';
import type { Clock } from '../clock.ts';
import type { LeaseWorld } from '../lease.ts';
import type { SimTime } from './time.ts';

/** What happens to a deployer at its n-th operation, counted from 1. */
export type Fate =
  | { at: number; kind: 'killed'; when: 'before' | 'after' | 'torn' }
  /** It sleeps (a closed lid, a stopped virtual machine): no heartbeat either. */
  | { at: number; kind: 'sleeps'; ms: number };

let lastPid = 1000;

/**
 * A process that deploys. Each of its operations on the outside world goes through here: it takes time, and the process
 * may be killed or fall asleep at it. One that was killed does nothing any more, not even its `finally`.
 */
export class Deployer {
  readonly pid: number;
  readonly machine: string;
  /** Labels of what it did, in order. */
  readonly operations: string[] = [];
  /** Settles when it is killed. */
  readonly died: Promise<'killed'>;
  /** How far its own clock is ahead of the host's, ms. */
  readonly skew: number;
  readonly #time: SimTime;
  readonly #fates: readonly Fate[];
  readonly #latency: () => number;
  #dead = false;
  #asleepUntil = 0;
  readonly #wakers: (() => void)[] = [];
  #die: (how: 'killed') => void = () => {};

  constructor(
    time: SimTime,
    {
      fates = [],
      machine = 'here',
      skew = 0,
      latency = () => 0,
    }: { fates?: readonly Fate[]; machine?: string; skew?: number; latency?: () => number } = {},
  ) {
    lastPid += 1;
    this.pid = lastPid;
    this.machine = machine;
    this.skew = skew;
    this.#time = time;
    this.#fates = fates;
    this.#latency = latency;
    this.died = new Promise((resolve) => {
      this.#die = resolve;
    });
  }

  get isDead(): boolean {
    return this.#dead;
  }

  kill(): void {
    this.#dead = true;
    this.#die('killed');
  }

  /** Falls asleep now: no heartbeat, and whatever it is about to do it does when it wakes up. */
  sleepFor(ms: number): void {
    this.#asleepUntil = this.#time.now + ms;
  }

  wake(): void {
    this.#asleepUntil = 0;
    for (const wake of this.#wakers.splice(0)) wake();
  }

  /** One operation: `act` happens at one moment. `torn` is what a kill in the middle of it leaves. */
  async operation<T>(label: string, act: () => T | Promise<T>, torn: () => void = () => {}): Promise<T> {
    await this.alive();
    const latency = this.#latency();
    if (latency > 0) await this.#time.sleep(latency);
    await this.alive();
    const number = this.operations.push(label);
    for (const fate of this.#fates.filter(({ at }) => at === number)) {
      if (fate.kind === 'sleeps') {
        this.sleepFor(fate.ms);
        continue;
      }
      if (fate.when === 'torn') torn();
      if (fate.when === 'after') await act();
      this.kill();
    }
    await this.alive();
    const result = await act();
    await this.alive();
    return result;
  }

  /** A dead process goes on never; one that sleeps, when it wakes up. */
  async alive(): Promise<void> {
    while (this.#asleepUntil > this.#time.now) {
      const woken = new Promise<void>((resolve) => this.#wakers.push(resolve));
      await Promise.race([this.#time.sleep(this.#asleepUntil - this.#time.now), woken]);
    }
    if (this.#dead) await new Promise<never>(() => {});
  }

  readonly clock: Clock = {
    now: () => this.#time.now + this.skew,
    monotonic: () => this.#time.now,
    sleep: async (ms, signal) => {
      await this.#time.sleep(ms, signal);
      await this.alive();
    },
    every: (ms, act) =>
      this.#time.every(ms, () => {
        if (!this.#dead && this.#asleepUntil <= this.#time.now) act();
      }),
  };

  holder(): Holder {
    const { pid, machine } = this;
    return { pid, started: `start-${pid}`, host: machine, command: `deployer ${pid}`, since: 'then' };
  }

  /** How this process sees others: those of its own machine it can ask for, the rest it cannot. */
  leaseWorld(all: readonly Deployer[]): Omit<LeaseWorld, 'clock'> {
    return {
      self: () => this.holder(),
      isAlive: (holder) =>
        holder.host === this.machine ? all.some(({ pid, isDead }) => pid === holder.pid && !isDead) : undefined,
    };
  }
}
