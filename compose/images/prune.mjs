// Takes out of node_modules what no program reads at run time: node prune.mjs NODE_MODULES.
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const root = resolve(process.argv[2] ?? 'node_modules');
const remove = (path) => rmSync(path, { recursive: true, force: true });

/** Declarations, source maps, tests and pages for people. Licences stay: they have to travel with the code. */
const USELESS_FILE =
  /\.(?:d\.[cm]?ts|map|md|markdown|flow|tsbuildinfo|(?:test|spec)\.[cm]?[jt]s)$|^(?:tsconfig.*\.json|\.eslintrc.*|\.npmignore|\.editorconfig)$/;
const LICENCE = /^(?:licen[cs]e|copying|notice|copyright)/i;
/** Directly in a package only: deeper, a folder of such a name may be part of the program. */
const USELESS_FOLDER = new Set([
  'test',
  'tests',
  '__tests__',
  'example',
  'examples',
  'benchmark',
  'benchmarks',
  'docs',
  '.github',
  'script',
  'codemods',
  '.nyc_output',
]);

function isPackage(dir) {
  try {
    return typeof JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')).version === 'string';
  } catch {
    return false;
  }
}

/** A folder that the package's own entry points lead into stays, whatever its name. */
function isEntered(dir, folder) {
  const { main, module, exports, bin } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
  const programs = JSON.stringify([main, module, exports, bin], (key, value) => (key === 'types' ? undefined : value));
  return programs.includes(`${folder}/`);
}

function pruneFolder(dir) {
  const inPackage = isPackage(dir);
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) {
      if (inPackage && USELESS_FOLDER.has(entry.name) && !isEntered(dir, entry.name)) remove(path);
      else pruneFolder(path);
    } else if (entry.isFile() && USELESS_FILE.test(entry.name) && !LICENCE.test(entry.name)) remove(path);
  }
  if (dir !== root && readdirSync(dir).length === 0) remove(dir);
}

/** Of a native addon only the binary that this very platform loads: it is loaded, and asked for what is mapped. */
function pruneAddons(name) {
  createRequire(join(root, 'package.json'))(name);
  const dir = join(root, name);
  const mapped = new Set(
    readFileSync('/proc/self/maps', 'utf8')
      .split('\n')
      .map((line) => line.slice(73).trim())
      .filter((path) => path.startsWith(dir) && path.endsWith('.node')),
  );
  if (mapped.size === 0) throw new Error(`${name} loaded no addon; it has none for this platform`);
  const visit = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.name.endsWith('.node') && !mapped.has(path)) remove(path);
    }
  };
  visit(join(dir, 'build'));
  for (const source of ['src', 'CMakeLists.txt', 'vcpkg.json']) remove(join(dir, source));
}

for (const name of ['.bin', '.package-lock.json', '@types', 'undici-types']) remove(join(root, name));
if (statSync(join(root, 'zeromq'), { throwIfNoEntry: false }) !== undefined) pruneAddons('zeromq');
pruneFolder(root);
