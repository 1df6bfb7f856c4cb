import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;
const LICENCE = /^(?:licen[cs]e|copying)(?:[.-].*)?$/i;
const RULE = `\n\n${'-'.repeat(80)}\n\n`;

/**
 * Whose work is in a bundle, and under which terms: most licences ask for their text to go along.
 * @param files those that something of is in the bundle, against the root
 */
export function licencesOf(root: string, files: readonly string[]): string {
  const folders = new Set(files.flatMap((file) => PACKAGE.exec(file)?.[0] ?? []));
  const texts = [...folders].map((folder) => licenceOf(join(root, folder)));
  return `${[...new Set(texts)].toSorted((a, b) => (a < b ? -1 : 1)).join(RULE)}\n`;
}

function licenceOf(folder: string): string {
  const facts = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
  const [name, version, licence] = ['name', 'version', 'license'].map((key) => {
    const fact = facts[key];
    return typeof fact === 'string' ? fact : 'unknown';
  });
  const file = readdirSync(folder)
    .toSorted()
    .find((entry) => LICENCE.test(entry));
  const text =
    file === undefined
      ? 'The package has no text of it.'
      : readFileSync(join(folder, file), 'utf8').replace(/\r\n?/g, '\n');
  return `${name} ${version}, ${licence}\n\n${text.trim()}`;
}
