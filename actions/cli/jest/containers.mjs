// Before the container tests: an engine and a registry, for as long as jest runs. `papergate test` brings its own.
import { CONTAINERS_VARIABLE, ensureContainers } from '@papergate/delivery';

export default async function setUp() {
  if (process.env[CONTAINERS_VARIABLE] !== undefined) return;
  const containers = await ensureContainers({
    env: process.env,
    onProgress: ({ message }) => process.stderr.write(`containers: ${message}\n`),
  });
  globalThis.papergateContainers = containers;
  const { env, registry } = containers;
  process.env[CONTAINERS_VARIABLE] = JSON.stringify({ env, registry });
  // Also as the environment itself: what tests start without saying otherwise must not find another engine.
  Object.assign(process.env, env);
}
