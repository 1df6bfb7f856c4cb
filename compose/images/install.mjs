// Installs the production packages of everything that runs in a container, and what bundles it:
// node install.mjs CACHE [CA] [NPMRC].
// CA and NPMRC are build secrets: they are read where they are mounted and never enter a layer.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const [cache, ca, npmrc] = process.argv.slice(2);
const services = readdirSync('services').filter((name) => existsSync(`services/${name}/package.json`));
const workspaces = ['config', 'smoke', ...services.map((name) => `services/${name}`)];

const environment = { ...process.env, npm_config_cache: cache, npm_config_logs_max: '0' };
if (ca !== undefined && existsSync(ca)) environment.NODE_EXTRA_CA_CERTS = ca;
if (npmrc !== undefined && existsSync(npmrc)) environment.npm_config_userconfig = npmrc;

function install(folder, args) {
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier'];
  const { status, error } = spawnSync('npm', ['ci', ...flags, ...args], {
    cwd: folder,
    stdio: 'inherit',
    env: environment,
  });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

install('.', ['--omit=dev', ...workspaces.flatMap((name) => ['--workspace', name])]);

// Of the packages for development the bundler alone, as the lock has it.
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const isBundler = (path) => path === 'node_modules/esbuild' || path.startsWith('node_modules/@esbuild/');
const entries = Object.entries(lock.packages).filter(([path]) => isBundler(path));
const packages = Object.fromEntries(entries.map(([path, { dev: _dev, ...entry }]) => [path, entry]));
const root = { name: 'bundler', version: '0.0.0', dependencies: { esbuild: packages['node_modules/esbuild'].version } };
mkdirSync('/bundler');
writeFileSync('/bundler/package.json', JSON.stringify(root));
writeFileSync(
  '/bundler/package-lock.json',
  JSON.stringify({ ...root, lockfileVersion: 3, packages: { '': root, ...packages } }),
);
install('/bundler', []);
for (const name of ['esbuild', '@esbuild']) {
  cpSync(`/bundler/node_modules/${name}`, `node_modules/${name}`, { recursive: true, verbatimSymlinks: true });
}
