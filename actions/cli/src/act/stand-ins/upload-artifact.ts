/** In place of actions/upload-artifact: the same zip, kept by act's artifact server. Paths only, no patterns. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { packZip } from './zip.ts';
import { artifactService, upload } from './artifact-server.ts';
import { input, output, say } from './surroundings.ts';

const name = input('name') || 'artifact';
const ifNone = input('if-no-files-found') || 'warn';
const hidden = input('include-hidden-files') === 'true';

const paths = input('path')
  .split('\n')
  .map((path) => path.trim())
  .filter((path) => path !== '');
const pattern = paths.find((path) => /[*?[\]!]/.test(path));
if (pattern !== undefined) throw new Error(`upload-artifact: ${pattern} is a pattern; this stand-in takes paths only`);

const present = paths.map((path) => resolve(path)).filter((path) => existsSync(path));
// As the original: relative to the folder that all have in common; of one folder, to that folder.
const base =
  present.length === 1 && statSync(present[0] ?? '').isDirectory() ? (present[0] ?? '') : commonFolder(present);
const files = new Map<string, Buffer>();
for (const path of present) {
  if (statSync(path).isDirectory()) {
    for await (const entry of glob('**/*', { cwd: path })) add(join(path, entry));
  } else add(path);
}

function add(path: string): void {
  if (!statSync(path).isFile()) return;
  const inside = relative(base, path);
  if (!hidden && inside.split('/').some((part) => part.startsWith('.'))) return;
  files.set(inside, readFileSync(path));
}

function commonFolder(all: readonly string[]): string {
  const [first = '', ...others] = all.map((path) => dirname(path));
  let common = first;
  while (common !== '/' && !others.every((folder) => `${folder}/`.startsWith(`${common}/`))) common = dirname(common);
  return common;
}

if (files.size === 0) {
  const text = `no files were found at ${paths.join(', ')}; no artifact is uploaded`;
  if (ifNone === 'error') throw new Error(text);
  say(ifNone === 'warn' ? `::warning::${text}` : text);
} else {
  const { id, digest } = await upload(artifactService(process.env), name, packZip(files));
  output('artifact-id', id);
  output('artifact-digest', digest);
  output('artifact-url', `artifact://${name}`);
  say(`artifact ${name}: ${files.size} files from ${basename(base)}, sha256 ${digest}`);
}
