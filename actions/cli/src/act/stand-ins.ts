import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { noStandIn } from './errors.ts';

/** Actions of others that workflows here use, and the file in `stand-ins/` that does their work on this machine. */
const STAND_INS: Readonly<Record<string, string>> = {
  'actions/checkout': 'checkout.ts',
  'actions/setup-node': 'setup-node.ts',
  'actions/upload-artifact': 'upload-artifact.ts',
  'actions/download-artifact': 'download-artifact.ts',
  'actions/attest-build-provenance': 'attest.ts',
  'anchore/scan-action': 'scan.ts',
};

export const STANDS_IN_FOR: readonly string[] = Object.keys(STAND_INS);

/**
 * Writes an action for each `owner/name@ref` below `dir`, and gives what act has to be told: `owner/name@ref=folder`.
 * @throws UserError NO_STAND_IN that names every action without one
 */
export function writeStandIns(uses: readonly string[], dir: string): string[] {
  const missing = uses.filter((name) => STAND_INS[repositoryOf(name)] === undefined);
  if (missing.length > 0) throw noStandIn(missing);
  return uses.map((name) => {
    const repository = repositoryOf(name);
    const folder = join(dir, repository.replace('/', '__'));
    const program = fileURLToPath(new URL(`stand-ins/${STAND_INS[repository] ?? ''}`, import.meta.url));
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, 'action.yml'),
      `name: ${repository}, on this machine\nruns:\n  using: node24\n  main: main.mjs\n`,
    );
    // act copies the folder; what stands in runs from where it is, beside what it imports.
    writeFileSync(join(folder, 'main.mjs'), `await import(${JSON.stringify(`file://${program}`)});\n`);
    return `${name}=${folder}`;
  });
}

const repositoryOf = (uses: string): string => uses.split('@')[0]?.split('/').slice(0, 2).join('/') ?? uses;

/** The repository of an action, as of one version: `owner/name@ref` of `owner/name/path@ref`. */
export const versionOf = (uses: string): string => `${repositoryOf(uses)}@${uses.split('@')[1] ?? ''}`;
