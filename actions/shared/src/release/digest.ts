import { createHash, type Hash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Files below `path` (a file or folder relative to `root`), as paths with `/`; no order is promised. */
function filesBelow(root: string, path: string): string[] {
  const full = join(root, path);
  if (!existsSync(full)) return [];
  if (!lstatSync(full).isDirectory()) return [path];
  return readdirSync(full)
    .filter((name) => name !== 'node_modules')
    .flatMap((name) => filesBelow(root, `${path}/${name}`));
}

// Lengths go in before contents, so that no two lists of files give the same stream of bytes.
function addFile(hash: Hash, root: string, path: string): void {
  const full = join(root, path);
  const stat = lstatSync(full);
  const content = stat.isSymbolicLink() ? Buffer.from(readlinkSync(full)) : readFileSync(full);
  const kind = stat.isSymbolicLink() ? 'link' : (stat.mode & 0o100) === 0 ? 'file' : 'program';
  hash.update(`${Buffer.byteLength(path)}:${path}:${kind}:${content.length}:`).update(content);
}

/**
 * SHA-256 over files and folders: sorted paths (by UTF-16 code unit), kinds, contents. Times, owners and the
 * order of the file system do not count; `node_modules` is left out, since the lock file stands for it.
 */
export function digestOf(root: string, paths: string[]): string {
  const hash = createHash('sha256');
  const files = [...new Set(paths.flatMap((path) => filesBelow(root, path)))].sort();
  for (const path of files) addFile(hash, root, path);
  return `sha256:${hash.digest('hex')}`;
}
