// Installs the production packages of everything that runs in a container: node install.mjs CACHE [CA] [NPMRC].
// CA and NPMRC are build secrets: they are read where they are mounted and never enter a layer.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

const [cache, ca, npmrc] = process.argv.slice(2);
const services = readdirSync('services').filter((name) => existsSync(`services/${name}/package.json`));
const workspaces = ['config', 'smoke', ...services.map((name) => `services/${name}`)];

const environment = { ...process.env, npm_config_cache: cache, npm_config_logs_max: '0' };
if (ca !== undefined && existsSync(ca)) environment.NODE_EXTRA_CA_CERTS = ca;
if (npmrc !== undefined && existsSync(npmrc)) environment.npm_config_userconfig = npmrc;

const args = ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier'];
const { status, error } = spawnSync('npm', [...args, ...workspaces.flatMap((name) => ['--workspace', name])], {
  stdio: 'inherit',
  env: environment,
});
if (error !== undefined) throw error;
process.exitCode = status ?? 1;
