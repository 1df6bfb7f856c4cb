// Loads the source of a release without running it: every TypeScript file of the entries' import graphs is
// stripped and parsed as Node will do it, and every import is resolved. Arguments: the entry files.
// Prints one JSON line: {files, problems: [{file, message}]}. Wants --experimental-vm-modules.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire, isBuiltin, stripTypeScriptTypes } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';

const seen = new Set();
const problems = [];
const waiting = process.argv.slice(2).map((path) => resolve(path));

function importsOf(file) {
  const source = readFileSync(file, 'utf8');
  const code = /\.m?ts$/.test(file) ? stripTypeScriptTypes(source) : source;
  const module = new vm.SourceTextModule(code, { identifier: pathToFileURL(file).href });
  return (module.moduleRequests ?? module.dependencySpecifiers.map((specifier) => ({ specifier }))).map(
    ({ specifier }) => specifier,
  );
}

// Workspace packages export their source; it is followed. Third-party packages only have to be there.
function locate(specifier, from) {
  if (isBuiltin(specifier)) return undefined;
  if (specifier.startsWith('.')) {
    const file = join(dirname(from), specifier);
    if (!existsSync(file)) throw new Error(`imports ${specifier}, which does not exist`);
    return file;
  }
  const [scope, name] = specifier.split('/');
  const pack = specifier.startsWith('@') ? `${scope}/${name}` : scope;
  const folder = createRequire(from)
    .resolve.paths(pack)
    .map((dir) => join(dir, pack))
    .find((dir) => existsSync(dir));
  if (folder === undefined) throw new Error(`imports ${specifier}, but the package ${pack} is not installed`);
  if (!pack.startsWith('@papergate/')) return undefined;
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const target = exports?.[`.${specifier.slice(pack.length)}`];
  if (typeof target !== 'string') throw new Error(`imports ${specifier}, which ${pack} does not export`);
  return join(folder, target);
}

for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
  if (seen.has(file) || !/\.(m?ts|m?js)$/.test(file)) continue;
  seen.add(file);
  try {
    for (const specifier of importsOf(file)) {
      const next = locate(specifier, file);
      if (next !== undefined) waiting.push(next);
    }
  } catch (error) {
    problems.push({ file, message: error instanceof Error ? error.message.split('\n')[0] : String(error) });
  }
}
console.log(JSON.stringify({ files: seen.size, problems }));
