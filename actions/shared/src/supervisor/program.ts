import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorCode, ExternalError } from '@papergate/config';

const IN_CHECKOUT = join('actions', 'shared', 'src', 'supervisor', 'main.ts');
/** Of the packages that a supervisor is made of: where this one is found, all are, since they are installed together. */
const NEEDED = '@papergate/config';

/**
 * The file that a supervisor is started from: beside this code; or, for an action that another repository uses and whose
 * packages nobody has installed, in the checkout that its job works on.
 * @throws ExternalError SUPERVISOR_UNAVAILABLE
 */
export function supervisorProgram(
  beside: string = fileURLToPath(new URL('main.ts', import.meta.url)),
  checkout: string = process.cwd(),
): string {
  const places = [beside, join(checkout, IN_CHECKOUT)];
  const found = places.find((path) => existsSync(path) && hasPackages(path));
  if (found !== undefined) return found;
  throw new ExternalError({
    code: 'SUPERVISOR_UNAVAILABLE',
    message: `a staging of processes cannot be started from ${checkout}: no package is installed there, and none comes with an action`,
    fix: 'install the packages in a step before this one (npm ci, in a checkout made from the template), or use the target compose',
  });
}

function hasPackages(program: string): boolean {
  try {
    createRequire(program).resolve(NEEDED);
    return true;
  } catch (error) {
    if (errorCode(error) === 'MODULE_NOT_FOUND') return false;
    throw error;
  }
}
