import { UserError } from '@papergate/config';
import { checkBuildArgs } from '@papergate/delivery';

/** `NAME=VALUE` lines, held to what a build takes. @throws UserError INPUT_INVALID, BUILD_ARG_SECRET, BUILD_ARG_INVALID */
export function buildArgsOf(lines: readonly string[]): Record<string, string> {
  const args: Record<string, string> = {};
  for (const [index, line] of lines.entries()) {
    const equals = line.indexOf('=');
    const name = line.slice(0, equals);
    if (equals < 1 || name in args) {
      throw new UserError({
        code: 'INPUT_INVALID',
        message: `line ${index + 1} of input build-args ${equals < 1 ? 'has no NAME= in front' : `names ${name} a second time`}, allowed: NAME=VALUE, one a line, each name once`,
        fix: 'correct it; its text is not shown here, since it may be a secret',
      });
    }
    args[name] = line.slice(equals + 1);
  }
  checkBuildArgs(args);
  return args;
}
