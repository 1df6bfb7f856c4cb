import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ExternalError, messageOf } from '@papergate/config';
import type { OnProgress } from '../evidence/index.ts';
import { cacheFolder, fromCache, install, toolCache } from './cache.ts';
import { download } from './download.ts';
import { goBuild } from './go-build.ts';
import { withLock } from './lock.ts';
import { TOOLS, type ToolName, type ToolPin } from './pins.ts';
import { isPinned, onPath } from './version.ts';

export interface FindToolOptions {
  env: Readonly<Record<string, string | undefined>>;
  /** Root of the checkout or release: the Go modules that pin the tools are in it. */
  root: string;
  onProgress?: OnProgress;
  signal?: AbortSignal | undefined;
  /** For tests: another pin, machine or network. */
  pin?: ToolPin;
  platform?: string;
  arch?: string;
  fetch?: typeof globalThis.fetch;
}

export interface FoundTool {
  path: string;
  version: string;
  source: 'path' | 'cache' | 'download' | 'go';
}

/**
 * Finds a pinned tool: on the PATH, in the tool cache, as the official release with its checksum, built with Go.
 * The last two put it into the cache. A tool in another version does not count.
 * @throws ExternalError TOOL_MISSING that lists what was tried, each with its reason, and how to get it
 */
export async function findTool(name: ToolName, options: FindToolOptions): Promise<FoundTool> {
  const { env, onProgress = () => undefined, platform = process.platform, arch = process.arch } = options;
  const signal = options.signal ?? new AbortController().signal;
  const pin = options.pin ?? TOOLS[name];
  const { version } = pin;
  const tried: string[] = [];

  const candidates = await onPath(pin.name, env['PATH']);
  for (const path of candidates) {
    const pinned = await isPinned(path, pin);
    if (pinned === true) return { path, version, source: 'path' };
    tried.push(`PATH: ${pinned}`);
  }
  if (candidates.length === 0) tried.push(`PATH: no ${pin.name} on it`);

  const folder = cacheFolder(toolCache(env), pin, platform, arch);
  const cached = await fromCache(folder, pin);
  if ('path' in cached) return { path: cached.path, version, source: 'cache' };
  tried.push(`cache: ${cached.reason}`);

  await makeCache(folder);
  const say = (message: string, fraction?: number) =>
    onProgress(fraction === undefined ? { message } : { message, fraction });
  return await withLock(
    `${folder}.lock`,
    async () => {
      // Whoever held the lock before us may have installed it.
      const now = await fromCache(folder, pin);
      if ('path' in now) return { path: now.path, version, source: 'cache' };
      return await fetchOrBuild({ ...options, pin, folder, tried, say, signal, platform, arch });
    },
    { onWait: (pid) => say(`waiting for the install of ${pin.name} by process ${pid}`), signal },
  );
}

interface Making extends FindToolOptions {
  pin: ToolPin;
  folder: string;
  tried: string[];
  say: (message: string, fraction?: number) => void;
  signal: AbortSignal;
  platform: string;
  arch: string;
}

async function fetchOrBuild(making: Making): Promise<FoundTool> {
  const { pin, folder, tried, say, signal, env, root, platform, arch } = making;
  const release = pin.release(platform, arch);
  const ways: Array<{ source: 'download' | 'go'; make: (dir: string) => Promise<string> }> = [];
  if (release === undefined) tried.push(`download: there is no official release for ${platform} on ${arch}`);
  else {
    const fetch = making.fetch ?? globalThis.fetch;
    ways.push({ source: 'download', make: (dir) => download({ release, dir, fetch, env, onProgress: say, signal }) });
  }
  const { go } = pin;
  if (go !== undefined) {
    ways.push({ source: 'go', make: (dir) => goBuild({ pin, go, root, dir, env, onProgress: say, signal }) });
  }

  for (const { source, make } of ways) {
    const dir = await mkdtemp(`${folder}.work-`);
    try {
      return { path: await install(await make(dir), folder, pin), version: pin.version, source };
    } catch (error) {
      signal.throwIfAborted();
      tried.push(`${source}: ${messageOf(error)}`);
      say(`${source} of ${pin.name} did not work: ${messageOf(error)}`);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }
  throw new ExternalError({
    code: 'TOOL_MISSING',
    message: `${pin.name} ${pin.version} is not to be had:\n    ${tried.join('\n    ')}`,
    fix:
      `put ${pin.name} ${pin.version} (${pin.homepage}) on the PATH, or ${go === undefined ? '' : 'install Go and '}run this again with a network, ` +
      `or copy the folder ${folder} from a machine that has it`,
  });
}

async function makeCache(folder: string): Promise<void> {
  try {
    await mkdir(join(folder, '..'), { recursive: true });
  } catch (error) {
    throw new ExternalError({
      code: 'TOOL_CACHE_UNUSABLE',
      message: `the tool cache ${join(folder, '..')} cannot be made: ${messageOf(error)}`,
      fix: 'make it a folder that this user may write, or set XDG_CACHE_HOME to another one',
      cause: error,
    });
  }
}
