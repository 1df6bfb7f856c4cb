import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ToolPin } from './pins.ts';
import { isPinned } from './version.ts';

/** Where tools are kept for the next time: `XDG_CACHE_HOME` or `~/.cache`, then `papergate/tools`. */
export function toolCache(env: Readonly<Record<string, string | undefined>>): string {
  const base = env['XDG_CACHE_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'papergate', 'tools');
}

/** The folder of one tool in one version for one kind of machine. */
export function cacheFolder(cacheDir: string, pin: ToolPin, platform: string, arch: string): string {
  return join(cacheDir, `${pin.name}-${pin.version}-${platform}-${arch}`);
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** The cached program, or why there is none. A file that is not what was installed counts as none. */
export async function fromCache(folder: string, pin: ToolPin): Promise<{ path: string } | { reason: string }> {
  const path = join(folder, pin.name);
  const expected = await readFile(`${path}.sha256`, 'utf8').catch(() => undefined);
  if (expected === undefined) return { reason: `${path} does not exist` };
  const found = await sha256OfFile(path).catch(() => undefined);
  if (found !== expected.trim())
    return { reason: `${path} is damaged: its digest is not the one it was installed with` };
  const pinned = await isPinned(path, pin);
  return pinned === true ? { path } : { reason: pinned };
}

/**
 * Puts a program into the cache in one step: it is copied beside its place, checked, and renamed. Whoever looks
 * meanwhile sees the old state or the new one.
 */
export async function install(program: string, folder: string, pin: ToolPin): Promise<string> {
  const pinned = await isPinned(program, pin);
  if (pinned !== true) throw new Error(pinned);
  const unfinished = `${folder}.${process.pid}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true, mode: 0o755 });
  const inside = join(unfinished, pin.name);
  await cp(program, inside);
  await chmod(inside, 0o755);
  await writeFile(`${inside}.sha256`, `${await sha256OfFile(inside)}\n`);
  await rm(folder, { recursive: true, force: true });
  await rename(unfinished, folder);
  return join(folder, pin.name);
}
