import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '@papergate/config';
import { mistakes } from '../errors.ts';
import { newYorkTimeOfDay, SECOND, toRfc3339, type Micros } from '../clock/new-york.ts';
import type { LeanFile } from './lean-files.ts';
import { readLeanFile } from './lean-reader.ts';
import { mergeByTime } from './merge.ts';
import type { MarketSource, SourceStatus } from './source.ts';
import type { MarketTick } from './tick.ts';

export interface ReplayWindow {
  /** 1: the day's own pace; 0: as fast as the clients take it. */
  speed: number;
  /** Times of day in New York, µs since midnight; `from` included, `to` not. */
  from?: Micros;
  to?: Micros;
}

export interface ReplayOptions extends ReplayWindow {
  files: readonly LeanFile[];
  /** Begin by itself once somebody has subscribed; otherwise only {@link Replay.begin} arms it. */
  autostart: boolean;
  /** The market has moved: brings books up to date and sends. */
  publish: (ticks: MarketTick[]) => void;
  /** A row before `from`: brings the book to where it stands then, unsent. */
  prepare: (tick: MarketTick) => void;
  /** Is a data client subscribed? */
  wanted: () => boolean;
  /** Resolves when the clients have taken what was sent. */
  drained: () => Promise<void>;
  nowMs?: () => number;
  onFailure?: (error: unknown) => void;
}

const TIME_OF_DAY = /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/;

/** `HH:MM` or `HH:MM:SS` as µs since midnight. */
export function parseTimeOfDay(name: string, text: string): Micros {
  const match = TIME_OF_DAY.exec(text);
  if (match === null) throw mistakes.badTime(name, text);
  const [, hours, minutes, seconds = '0'] = match;
  return (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * SECOND;
}

type Phase = 'waiting for start' | 'waiting for a subscriber' | 'running' | 'finished' | 'failed' | 'stopped';

/** Plays LEAN tick files day by day, all symbols merged by time. Never sends to nobody: it waits for a subscriber. */
export class Replay implements MarketSource {
  readonly kind = 'replay';
  readonly #options: ReplayOptions;
  readonly #nowMs: () => number;
  #window: ReplayWindow;
  #phase: Phase;
  #running: Promise<void> | undefined;
  #stopping = new AbortController();
  #read = 0;
  #runs = 0;
  #position: Micros | undefined;
  #startedMs = 0;
  #tookMs = 0;
  #error: string | undefined;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#window = pickWindow(options);
    this.#phase = options.autostart ? 'waiting for a subscriber' : 'waiting for start';
  }

  start(): Promise<void> {
    this.wake();
    return Promise.resolve();
  }

  /** Arms a replay that waits, or one that has finished for another run; false while one is running. */
  begin(window: Partial<ReplayWindow> = {}): boolean {
    if (this.#phase === 'running') return false;
    this.#window = pickWindow({ ...this.#options, ...window });
    this.#phase = 'waiting for a subscriber';
    this.wake();
    return true;
  }

  /** A client has subscribed: go, if that is what was missing. */
  wake(): void {
    if (this.#phase !== 'waiting for a subscriber' || !this.#options.wanted()) return;
    this.#phase = 'running';
    this.#runs += 1;
    this.#read = 0;
    this.#startedMs = this.#nowMs();
    this.#running = this.#play().then(
      () => this.#end(this.#stopping.signal.aborted ? 'stopped' : 'finished'),
      (error: unknown) => {
        if (this.#stopping.signal.aborted) return this.#end('stopped');
        this.#error = messageOf(error);
        this.#end('failed');
        this.#options.onFailure?.(error);
      },
    );
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  status(): SourceStatus {
    const running = this.#phase === 'running';
    return {
      running,
      finished: this.#phase === 'finished' || this.#phase === 'failed' || this.#phase === 'stopped',
      ...(this.#phase === 'waiting for start' ? { waiting: 'start' as const } : {}),
      ...(this.#phase === 'waiting for a subscriber' ? { waiting: 'subscriber' as const } : {}),
      ...(this.#error === undefined ? {} : { error: this.#error }),
      files: this.#options.files.length,
      runs: this.#runs,
      speed: this.#window.speed,
      read: this.#read,
      position: this.#position === undefined ? null : toRfc3339(this.#position),
      elapsed_ms: Math.round(running ? this.#nowMs() - this.#startedMs : this.#tookMs),
    };
  }

  #end(phase: Phase): void {
    this.#phase = phase;
    this.#tookMs = this.#nowMs() - this.#startedMs;
  }

  async #play(): Promise<void> {
    const pace = new Pace(this.#window.speed, this.#nowMs);
    for (const files of byDate(this.#options.files)) {
      for await (const batch of mergeByTime(files.map((file) => readLeanFile(file)))) {
        const goesOn = await this.#batch(batch, pace);
        if (this.#stopping.signal.aborted) return;
        if (!goesOn) break;
      }
    }
    await this.#options.drained();
  }

  /** False when the rest of the day lies after the window. */
  async #batch(batch: MarketTick[], pace: Pace): Promise<boolean> {
    const { from = 0, to = Infinity } = this.#window;
    const midnight = this.#midnightOf(batch[0] as MarketTick);
    let begin = 0;
    while (begin < batch.length && (batch[begin] as MarketTick).time - midnight < from) {
      this.#options.prepare(batch[begin] as MarketTick);
      begin += 1;
    }
    let end = batch.length;
    while (end > begin && (batch[end - 1] as MarketTick).time - midnight >= to) end -= 1;
    while (begin < end) {
      const due = pace.due(batch, begin, end);
      if (due > begin) {
        this.#send(batch.slice(begin, due));
        begin = due;
        await this.#options.drained();
      }
      if (begin < end)
        await delay(pace.waitMs(batch[begin] as MarketTick), undefined, { signal: this.#stopping.signal });
    }
    // One turn of the loop a batch keeps orders, acknowledgements and control requests moving.
    await turn();
    return end === batch.length;
  }

  #send(ticks: MarketTick[]): void {
    this.#read += ticks.length;
    this.#position = (ticks.at(-1) as MarketTick).time;
    this.#options.publish(ticks);
  }

  #day = { from: 0, until: 0, midnight: 0 };
  /** Midnight New York before a tick; looked up once a day. */
  #midnightOf({ time }: MarketTick): Micros {
    if (time < this.#day.from || time >= this.#day.until) {
      const midnight = time - newYorkTimeOfDay(time);
      this.#day = { from: midnight, until: midnight + 24 * 3600 * SECOND, midnight };
    }
    return this.#day.midnight;
  }
}

/** Turns event time into wall time. */
class Pace {
  readonly #speed: number;
  readonly #nowMs: () => number;
  #origin: { event: Micros; wallMs: number } | undefined;

  constructor(speed: number, nowMs: () => number) {
    this.#speed = speed;
    this.#nowMs = nowMs;
  }

  /** Index of the first tick of `batch` that is not due yet. */
  due(batch: readonly MarketTick[], begin: number, end: number): number {
    if (this.#speed === 0) return end;
    this.#origin ??= { event: (batch[begin] as MarketTick).time, wallMs: this.#nowMs() };
    const until = this.#origin.event + (this.#nowMs() - this.#origin.wallMs) * 1000 * this.#speed;
    let at = begin;
    while (at < end && (batch[at] as MarketTick).time <= until) at += 1;
    return at;
  }

  waitMs(tick: MarketTick): number {
    if (this.#origin === undefined) return 0;
    const wallMs = this.#origin.wallMs + (tick.time - this.#origin.event) / 1000 / this.#speed;
    return Math.min(60_000, Math.max(1, wallMs - this.#nowMs()));
  }
}

function pickWindow({ speed, from, to }: ReplayWindow): ReplayWindow {
  return { speed, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

function byDate(files: readonly LeanFile[]): LeanFile[][] {
  const days = new Map<string, LeanFile[]>();
  for (const file of files) {
    const day = days.get(file.date);
    if (day === undefined) days.set(file.date, [file]);
    else day.push(file);
  }
  return [...days.keys()].sort().map((date) => days.get(date) ?? []);
}
