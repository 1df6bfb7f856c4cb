import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeError, PapergateError, UserError } from '@papergate/config';
import { buildAirgapBases } from '../../actions/shared/src/images/airgap/index.ts';
import { toolCache } from '../../actions/shared/src/tools/cache.ts';

const USAGE = 'usage: node compose/airgap/build.ts [--registry HOST/NAMESPACE] [--cache DIR] [--fresh] [--json]';

function options() {
  try {
    return parseArgs({
      options: {
        registry: { type: 'string' },
        cache: { type: 'string', default: join(toolCache(process.env), '..', 'airgap') },
        fresh: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    }).values;
  } catch (cause) {
    throw new UserError({ code: 'USAGE', message: cause instanceof Error ? cause.message : USAGE, fix: USAGE, cause });
  }
}

try {
  const { registry, cache, fresh, json } = options();
  const bases = await buildAirgapBases({
    env: process.env,
    cacheDir: cache,
    fresh,
    ...(registry === undefined ? {} : { registry }),
    onProgress: ({ message }) => process.stderr.write(`${message}\n`),
  });
  process.stdout.write(json ? `${JSON.stringify(bases)}\n` : `node      ${bases.node}\npostgres  ${bases.postgres}\n`);
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = error instanceof PapergateError ? error.exitCode : 3;
}
