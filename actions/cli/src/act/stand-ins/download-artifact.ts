/** In place of actions/download-artifact: out of act's artifact server, or, with `run-id`, what an earlier run here left. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { artifactService, download } from './artifact-server.ts';
import { input, output, say, surroundings } from './surroundings.ts';
import { unpackZip } from './zip.ts';

const { artifacts } = surroundings(process.env);
const name = input('name');
if (name === '') throw new Error('download-artifact: this stand-in takes one artifact by its name');
const folder = resolve(input('path') || '.');
const run = input('run-id');

const zip =
  run === '' || run === process.env['GITHUB_RUN_ID'] ? await download(artifactService(process.env), name) : kept();
for (const [path, content] of unpackZip(zip)) {
  const target = resolve(folder, path);
  if (!target.startsWith(`${folder}/`)) throw new Error(`artifact ${name} holds ${path}, which is outside of it`);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, content);
}
output('download-path', folder);
say(`artifact ${name} is in ${folder}`);

function kept(): Buffer {
  const path = join(artifacts, run, name, `${name}.zip`);
  if (!/^\d+$/.test(run) || !existsSync(path)) throw new Error(`run ${run} left no artifact ${name} here`);
  return readFileSync(path);
}
