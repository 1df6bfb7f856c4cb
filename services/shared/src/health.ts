import { fileURLToPath } from 'node:url';
import { checkHealth } from './health/check.ts';

// `node services/shared/src/health.ts [service]`: what a container's health check runs. Exit 0: ready; 1: not.
const { healthy, line } = await checkHealth({
  env: process.env,
  args: process.argv.slice(2),
  configDir: fileURLToPath(new URL('../../../config', import.meta.url)),
});
console.log(line);
process.exitCode = healthy ? 0 : 1;
