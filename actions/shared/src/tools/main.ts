/** `node actions/shared/src/tools/main.ts k6`: finds or makes the tool and prints its path. */
import { fileURLToPath } from 'node:url';
import { describeError, EXIT, PapergateError, UserError } from '@papergate/config';
import { findTool, TOOLS, type ToolName } from './index.ts';

function toolName(argument: string | undefined): ToolName {
  const known = Object.keys(TOOLS) as ToolName[];
  const found = known.find((name) => name === argument);
  if (found !== undefined && process.argv.length === 3) return found;
  throw new UserError({
    code: 'TOOL_UNKNOWN',
    message: `the tool is "${process.argv.slice(2).join(' ')}", allowed: ${known.join(', ')}`,
    fix: 'name one of these',
  });
}

const aborter = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => aborter.abort());

try {
  const found = await findTool(toolName(process.argv[2]), {
    env: process.env,
    root: fileURLToPath(new URL('../../../..', import.meta.url)),
    onProgress: ({ message }) => process.stderr.write(`${message}\n`),
    signal: aborter.signal,
  });
  process.stdout.write(`${found.path}\n`);
} catch (error) {
  process.stderr.write(`${aborter.signal.aborted ? 'interrupted' : describeError(error)}\n`);
  process.exitCode = error instanceof PapergateError ? error.exitCode : EXIT.external;
}
