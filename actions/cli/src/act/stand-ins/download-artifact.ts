/** In place of actions/download-artifact: out of act's artifact server, or, with `run-id`, what an earlier run here left. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, matchesGlob, resolve } from 'node:path';
import { artifactService, download, listed } from './artifact-server.ts';
import { input, output, say, surroundings } from './surroundings.ts';
import { unpackZip } from './zip.ts';

const { artifacts } = surroundings(process.env);
const folder = resolve(input('path') || '.');
const run = input('run-id');
const isOwn = run === '' || run === process.env['GITHUB_RUN_ID'];

for (const name of await wanted()) {
  const zip = isOwn ? await download(artifactService(process.env), name) : kept(name);
  // Several by a pattern lie in a folder each, unless they are asked for in one.
  const target = input('name') === '' && input('merge-multiple') !== 'true' ? join(folder, name) : folder;
  for (const [path, content] of unpackZip(zip)) {
    const file = resolve(target, path);
    if (!file.startsWith(`${target}/`)) throw new Error(`artifact ${name} holds ${path}, which is outside of it`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  say(`artifact ${name} is in ${target}`);
}
output('download-path', folder);

async function wanted(): Promise<string[]> {
  const [name, pattern] = [input('name'), input('pattern')];
  if (name !== '') return [name];
  if (pattern === '' || !isOwn)
    throw new Error('download-artifact: this stand-in takes a name, or a pattern of this run');
  return (await listed(artifactService(process.env))).filter((known) => matchesGlob(known, pattern));
}

function kept(name: string): Buffer {
  const path = join(artifacts, run, name, `${name}.zip`);
  if (!/^\d+$/.test(run) || !existsSync(path)) throw new Error(`run ${run} left no artifact ${name} here`);
  return readFileSync(path);
}
