import type { Readable, Writable } from 'node:stream';

export interface HostRun {
  stdin?: string | Uint8Array | Readable;
  /** Where stdout goes instead of into the result. */
  stdout?: Writable;
  env?: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
  /** Each line as it comes, of either stream. */
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
}

export interface HostResult {
  /** Exit code; undefined where a signal or the timeout ended it. */
  code: number | undefined;
  stdout: string;
  stderr: string;
}

/** The file operations that a place needs. Paths are absolute on the host; none follows a path out of it. */
export interface HostFiles {
  /** Undefined where there is none. */
  read(path: string): Promise<string | undefined>;
  /** Old text or new text, never half: written beside its place, synced, renamed. Folders above it are made (0700). */
  write(path: string, text: string, mode?: number): Promise<void>;
  /** Adds a line and syncs it to disk before it returns. A line that a kill cut off before is closed first. */
  append(path: string, line: string): Promise<void>;
  /** The same for several lines at the price of one; a kill leaves the first of them. Without it they go one by one. */
  appendLines?(path: string, lines: readonly string[]): Promise<void>;
  /** Names in a folder; empty where there is none. */
  list(dir: string): Promise<string[]>;
  makeDir(dir: string, mode?: number): Promise<void>;
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Hard link; throws an error with code EEXIST where `to` exists. */
  link(from: string, to: string): Promise<void>;
  /** Sets the time of a file to the host's present time. */
  touch(path: string): Promise<void>;
  /** Time of a file by the host's clock, ms; undefined where there is none. */
  modifiedAt(path: string): Promise<number | undefined>;
  openRead(path: string): Promise<Readable>;
  /** A file that is complete only when its stream has finished. */
  openWrite(path: string, mode?: number): Promise<Writable>;
  /** Bytes that may still be written below this folder. */
  freeBytes(path: string): Promise<number>;
}

/**
 * A machine that a bundle runs on: this one, or one behind SSH. Commands are argument lists, never text for a
 * shell of ours. All times are of the host's own clock, so that two deployers with wrong clocks agree.
 */
export interface Host {
  /** `local`, or `ssh://user@host:port`. */
  readonly name: string;
  /** @throws ExternalError HOST_UNREACHABLE, UserError HOST_KEY_REFUSED where SSH does not get through */
  run(command: string, args: readonly string[], options?: HostRun): Promise<HostResult>;
  readonly files: HostFiles;
  /** The host's clock, ms since 1970. */
  now(): Promise<number>;
  /** Home folder of the user there. */
  home(): Promise<string>;
  /** A port on this machine's loopback that leads to a port on the host's loopback; itself where local. */
  forward(port: number): Promise<number>;
  close(): Promise<void>;
}
