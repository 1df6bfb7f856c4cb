import { createRequire } from 'node:module';
import { join } from 'node:path';
import { errorCode, ExternalError } from '@papergate/config';

/**
 * A package that is too large, or too much of this machine's kind, to be in a bundle. It is looked for beside the action
 * and in the checkout that the job works on.
 * @param bundle the file that wants it
 * @throws ExternalError PACKAGE_MISSING
 */
export function packageOfCheckout(name: string, bundle: string): unknown {
  for (const from of [bundle, join(process.cwd(), 'package.json')]) {
    try {
      return createRequire(from)(name);
    } catch (error) {
      if (errorCode(error) !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new ExternalError({
    code: 'PACKAGE_MISSING',
    message: `the package ${name}, which this action takes from the checkout, is not installed in ${process.cwd()}`,
    fix: 'install the packages of the checkout in a step before this one: npm ci',
  });
}
