import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDefinition, type ActionDefinition } from '../definition.ts';
import { alignedTable } from './table.ts';

type Part = 'inputs' | 'outputs';
const PARTS: readonly Part[] = ['inputs', 'outputs'];

const readmeOf = (root: string, action: string): string => join(root, 'actions', action, 'README.md');

/** Fills the tables between the markers out of action.yml. Whether anything changed. */
export function writeReadme(root: string, action: string): boolean {
  const before = readText(readmeOf(root, action));
  const { text } = filled(before, readDefinition(root, action));
  if (text !== before) writeFileSync(readmeOf(root, action), text);
  return text !== before;
}

/** What of a README is not what action.yml says. */
export function staleReadme(root: string, action: string): string[] {
  const text = readText(readmeOf(root, action));
  const now = filled(text, readDefinition(root, action));
  return [
    ...now.missing.map((part) => `README.md has no lines <!-- ${part}:begin --> and <!-- ${part}:end -->`),
    ...(now.text === text ? [] : ['README.md has other tables than action.yml']),
  ];
}

/** The text with both tables in it, and the markers that it lacks. */
export function filled(text: string, definition: ActionDefinition): { text: string; missing: Part[] } {
  const missing: Part[] = [];
  let filledText = text;
  for (const part of PARTS) {
    const [begin, end] = [`<!-- ${part}:begin -->`, `<!-- ${part}:end -->`];
    const [from, to] = [filledText.indexOf(begin), filledText.indexOf(end)];
    if (from < 0 || to < from) missing.push(part);
    else
      filledText = `${filledText.slice(0, from + begin.length)}\n\n${TABLES[part](definition)}\n\n${filledText.slice(to)}`;
  }
  return { text: filledText, missing };
}

const TABLES: Readonly<Record<Part, (definition: ActionDefinition) => string>> = {
  inputs: ({ inputs = {} }) => {
    const rows = Object.entries(inputs).map(([name, { description, required, default: fallback }]) => [
      `\`${name}\``,
      asText(description),
      required === true ? '**required**' : fallback === undefined || fallback === '' ? '–' : `\`${fallback}\``,
    ]);
    return rows.length === 0 ? 'None.' : alignedTable(['input', 'what it is', 'default'], rows);
  },
  outputs: ({ outputs }) =>
    alignedTable(
      ['output', 'what it holds'],
      Object.entries(outputs).map(([name, { description }]) => [`\`${name}\``, asText(description)]),
    ),
};

/** Descriptions are plain text, as GitHub shows them; in a README nothing in them is markup. */
const asText = (text: string): string => text.replace(/[\\*<`]|(?<!\w)_|_(?!\w)|\[(?=[^\]]*\]\()/g, '\\$&');

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
