// Lays out the trees that images are copied from, with owners, modes and times that depend on content alone:
//   node arrange.mjs tree TREE OUT          OUT/manifests, OUT/sources, OUT/shared/app, OUT/services/<noun>/app
//   node arrange.mjs packages APP OUT       OUT/app/node_modules
//   node arrange.mjs bundles OUT            settles what bundle.mjs wrote there
//   node arrange.mjs runtime ADDONS OUT     OUT: node, what it and the addons link to, an account
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** 1 January 1980: older times trouble some archivers. */
const START = 315_532_800;
const NOT_RUN = new Set(['node_modules', 'testing', 'bench', 'bad-inputs', 'samples', 'cases']);

/**
 * A file's time follows from its content. A constant would do for reproducing images, but web servers make ETags of
 * size and time: a page that changed and kept its size would never reach a browser again.
 */
function timeOf(path) {
  return START + (createHash('sha256').update(readFileSync(path)).digest().readUInt32BE() >>> 4);
}

function settle(path) {
  const stat = lstatSync(path);
  if (stat.isDirectory()) {
    for (const name of readdirSync(path)) settle(join(path, name));
    if ((stat.mode & 0o1000) === 0) chmodSync(path, 0o755);
  } else if (stat.isFile()) chmodSync(path, (stat.mode & 0o111) === 0 ? 0o644 : 0o755);
  const time = stat.isFile() ? timeOf(path) : START;
  lutimesSync(path, time, time);
}

function copy(from, to, wanted = () => true) {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => !NOT_RUN.has(source.split('/').at(-1) ?? '') && wanted(source),
  });
}

/** What a program reads; its sources come as one bundle. */
const isData = (path) => !path.endsWith('.ts');

function removeEmptyFolders(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmptyFolders(join(dir, entry.name));
  }
  if (readdirSync(dir).length === 0) rmdirSync(dir);
}

function tree(from, out) {
  const services = readdirSync(join(from, 'services')).filter((name) => name !== 'shared');
  const folders = (parent) =>
    existsSync(join(from, parent)) ? readdirSync(join(from, parent)).map((name) => `${parent}/${name}`) : [];
  const manifests = ['.', 'config', 'smoke', 'loadtests', ...folders('services'), ...folders('actions')];
  for (const path of [
    ...manifests.map((folder) => join(folder, 'package.json')),
    'package-lock.json',
    '.npmrc',
    'compose/images',
  ]) {
    if (existsSync(join(from, path))) copy(join(from, path), join(out, 'manifests', path));
  }
  for (const path of ['config', 'smoke', 'services']) copy(join(from, path), join(out, 'sources', path));
  for (const path of ['config', 'smoke', 'services/shared'])
    copy(join(from, path), join(out, 'shared/app', path), isData);
  for (const name of services) {
    const app = join(out, 'services', name, 'app');
    copy(join(from, 'services', name), join(app, 'services', name), isData);
    // The same command line in every image.
    symlinkSync(`services/${name}/src/main.js`, join(app, 'main.js'));
  }
  for (const path of ['shared', 'services']) removeEmptyFolders(join(out, path));
}

/** Without links to the workspaces, whose programs are bundled, and without what bundles them. */
function packages(from, out) {
  mkdirSync(join(out, 'app'), { recursive: true });
  const modules = join(out, 'app/node_modules');
  cpSync(join(from, 'node_modules'), modules, { recursive: true, verbatimSymlinks: true });
  for (const name of ['@papergate', 'esbuild', '@esbuild'])
    rmSync(join(modules, name), { recursive: true, force: true });
}

function libraries(program) {
  return execFileSync('ldd', [program], { encoding: 'utf8' })
    .split('\n')
    .map((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1])
    .filter((path) => path !== undefined);
}

function runtime(addons, out) {
  const node = realpathSync(process.execPath);
  const programs = [
    node,
    ...readdirSync(addons, { recursive: true })
      .filter((name) => name.endsWith('.node'))
      .map((name) => join(addons, name)),
  ];
  const needed = new Set(programs.flatMap(libraries));
  if (![...needed].some((path) => /ld-linux/.test(path)))
    throw new Error('NODE_IMAGE must be made with glibc (not Alpine)');
  for (const path of needed) copy(realpathSync(path), join(out, path));
  copy(node, join(out, 'usr/local/bin/node'));
  const text = (path, content) => {
    mkdirSync(dirname(join(out, path)), { recursive: true });
    writeFileSync(join(out, path), content);
  };
  text('etc/passwd', 'root:x:0:0:root:/:/sbin/nologin\npapergate:x:10001:10001:papergate:/app:/sbin/nologin\n');
  text('etc/group', 'root:x:0:\npapergate:x:10001:\n');
  text('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n');
  mkdirSync(join(out, 'app'), { recursive: true });
  mkdirSync(join(out, 'tmp'));
  chmodSync(join(out, 'tmp'), 0o1777);
}

const [what, from = '', out = ''] = process.argv.slice(2);
process.umask(0o022);
if (what === 'tree') tree(from, out);
else if (what === 'packages') packages(from, out);
else if (what === 'runtime') runtime(from, out);
else if (what !== 'bundles') throw new Error(`arrange.mjs: "${what}" is none of tree, packages, bundles, runtime`);
settle(what === 'bundles' ? from : out);
