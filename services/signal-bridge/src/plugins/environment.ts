/** What libraries look up for themselves and nobody minds a plug-in seeing. */
const HARMLESS = new Set(['HOME', 'LANG', 'NODE_ENV', 'PATH', 'TMPDIR', 'TZ']);

/**
 * Gives the process's environment to the service and takes it away from whatever code is loaded later: keys, tokens and
 * addresses are not in a plug-in's `process.env`.
 */
export function takeEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const taken = { ...env };
  for (const name of Object.keys(taken)) if (!HARMLESS.has(name)) delete env[name];
  return taken;
}
