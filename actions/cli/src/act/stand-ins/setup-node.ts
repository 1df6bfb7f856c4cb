/**
 * In place of actions/setup-node: Node 24 is the one that this run has. Where a cache would bring packages back, they are
 * linked from the checkout that runs this; `npm run setup` then finds them complete and installs nothing.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { appendTo, output, say, surroundings } from './surroundings.ts';

const { packages, workspace } = surroundings(process.env);

appendTo('GITHUB_PATH', dirname(process.execPath));
output('node-version', process.version);
say(`node ${process.version}`);

const place = resolve(workspace);
if (existsSync(join(place, 'package-lock.json'))) {
  const engine = pathToFileURL(join(packages, 'actions/shared/src/release/packages.ts')).href;
  const { providePackages } = (await import(engine)) as {
    providePackages(checkout: string, release: string): Promise<'linked' | 'installed'>;
  };
  const source = await providePackages(packages, place);
  for (const name of ['.bin', '.package-lock.json']) {
    const path = join(place, 'node_modules', name);
    if (source === 'linked' && !existsSync(path)) symlinkSync(join(packages, 'node_modules', name), path);
  }
  // What the set-up leaves where it has installed (actions/cli/bootstrap/install.mjs): by this it knows that it need not.
  const lock = readFileSync(join(place, 'package-lock.json'));
  const installed = createHash('sha256').update(`${process.platform} ${process.arch}\n`).update(lock).digest('hex');
  writeFileSync(join(place, 'node_modules', '.papergate-installed'), installed);
  say(`packages ${source}`);
}
