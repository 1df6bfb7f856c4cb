import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '@papergate/config';
import type { ToolPin } from './pins.ts';

const run = promisify(execFile);

/** Asks a program for its version. Text in place of a version says why there is none. */
export async function versionOf(path: string, pin: ToolPin): Promise<{ version: string } | { reason: string }> {
  try {
    const { stdout, stderr } = await run(path, [...pin.versionArgs], { timeout: 15_000 });
    const version = pin.versionPattern.exec(`${stdout}\n${stderr}`)?.[1];
    return version === undefined ? { reason: `${path} does not say its version` } : { version };
  } catch (error) {
    return { reason: `${path} does not run: ${messageOf(error).split('\n')[0] ?? ''}` };
  }
}

/** Whether `path` is the pinned version; a reason where it is not. */
export async function isPinned(path: string, pin: ToolPin): Promise<true | string> {
  const found = await versionOf(path, pin);
  if ('reason' in found) return found.reason;
  return found.version === pin.version ? true : `${path} is version ${found.version}, wanted ${pin.version}`;
}

/** Every file of this name that the search path leads to, in its order. */
export async function onPath(name: string, searchPath: string | undefined): Promise<string[]> {
  const found: string[] = [];
  for (const folder of (searchPath ?? '').split(delimiter).filter((entry) => entry !== '')) {
    const path = join(folder, name);
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable && !found.includes(path)) found.push(path);
  }
  return found;
}
