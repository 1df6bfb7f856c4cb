import { ExternalError, type EnvSource } from '@papergate/config';
import { findTool, type ToolName } from '@papergate/delivery';

/** `true`: a test may not do without a tool; set by `papergate test --require-containers`. */
export const TOOLS_REQUIRED_VARIABLE = 'PAPERGATE_REQUIRE_TOOLS';

/**
 * A pinned tool for tests, made where it is not there yet; undefined where it cannot be had, and the tests that need it are
 * to be listed as not run.
 * @throws ExternalError TOOL_MISSING where tests may not do without
 */
export async function toolForTests(name: ToolName, env: EnvSource, root: string): Promise<string | undefined> {
  try {
    return (await findTool(name, { env, root })).path;
  } catch (error) {
    if (!(error instanceof ExternalError) || env[TOOLS_REQUIRED_VARIABLE] === 'true') throw error;
    return undefined;
  }
}
