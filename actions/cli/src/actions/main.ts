import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeError, EXIT, PapergateError, UserError } from '@papergate/config';
import { bundleAction, staleFiles } from './bundle/build.ts';
import { staleReadme, writeReadme } from './docs/readme.ts';
import { staleDefinition, writeDefinition } from './docs/schema.ts';
import { chooseActions } from './find.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** What is not as it should be, for each of the actions. */
async function check(actions: readonly string[]): Promise<number> {
  let wrong = 0;
  for (const action of actions) {
    const definition = await staleDefinition(root, action);
    const problems = [...definition, ...staleReadme(root, action), ...(await staleFiles(root, action))];
    for (const problem of problems) say(`✖ actions/${action}: ${problem}`);
    if (problems.length === 0) say(`✔ actions/${action}`);
    else wrong++;
  }
  if (wrong > 0) say('  fix: npm run actions:build && npm run actions:docs, and commit what changed');
  return wrong === 0 ? EXIT.ok : EXIT.blocked;
}

async function buildAll(actions: readonly string[]): Promise<number> {
  for (const action of actions) {
    const { bytes, parts } = await bundleAction(root, action);
    const largest = parts.slice(0, 3).map(({ path, bytes: size }) => `${path} ${Math.round(size / 1000)} kB`);
    say(`✔ ${join('actions', action, 'dist')} ${Math.round(bytes / 1000)} kB (${largest.join(', ')})`);
  }
  return EXIT.ok;
}

async function run([verb = '', ...names]: string[]): Promise<number> {
  const actions = chooseActions(root, names);
  if (verb === 'build') return buildAll(actions);
  if (verb === 'check') return check(actions);
  if (verb === 'docs') {
    for (const action of actions) {
      const changed = [await writeDefinition(root, action), writeReadme(root, action)].includes(true);
      say(`✔ actions/${action}: action.yml and README.md ${changed ? 'were written' : 'are as they should be'}`);
    }
    return EXIT.ok;
  }
  throw new UserError({
    code: 'USAGE',
    message: `${JSON.stringify(verb)} is no command, allowed: build, check, docs`,
    fix: 'npm run actions:build, actions:check or actions:docs, with the names of actions behind "--" or none for all',
  });
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = error instanceof PapergateError ? error.exitCode : EXIT.external;
}
