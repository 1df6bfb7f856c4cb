import type { Contents } from '../types.ts';

const majorOf = (version: number): number => Math.floor(version / 10_000);

/**
 * What differs between what was dumped and what came back, each in words; empty where nothing does.
 *
 * @param versions where the server is of another major version by now, definitions are only compared by name: the
 *   same index is written differently by two versions
 */
export function compareContents(
  expected: Contents,
  found: Contents,
  versions?: { expected: number; found: number },
): string[] {
  const problems: string[] = [];
  const tables = new Map(found.tables.map((table) => [table.name, table]));
  for (const { name, rows, hash } of expected.tables) {
    const other = tables.get(name);
    tables.delete(name);
    if (other === undefined) problems.push(`table ${name} is missing`);
    else if (other.rows !== rows) problems.push(`table ${name} has ${other.rows} rows, expected ${rows}`);
    else if (other.hash !== hash) problems.push(`table ${name} has the ${rows} rows, but not their content`);
  }
  for (const name of tables.keys()) problems.push(`table ${name} was not there`);

  const sequences = new Map(found.sequences.map((sequence) => [sequence.name, sequence]));
  for (const { name, low, high } of expected.sequences) {
    const other = sequences.get(name);
    sequences.delete(name);
    if (other === undefined) problems.push(`sequence ${name} is missing`);
    else if (!isBetween(other.low, low, high)) {
      problems.push(`sequence ${name} goes on with ${other.low}, expected ${low === high ? low : `${low}…${high}`}`);
    }
  }
  for (const name of sequences.keys()) problems.push(`sequence ${name} was not there`);

  const onlyNames = versions !== undefined && majorOf(versions.expected) !== majorOf(versions.found);
  const keyOf = ({ kind, name }: Contents['objects'][number]): string => `${kind} ${name}`;
  const objects = new Map(found.objects.map((object) => [keyOf(object), object.sha256]));
  for (const object of expected.objects) {
    const key = keyOf(object);
    const other = objects.get(key);
    objects.delete(key);
    if (other === undefined) problems.push(`${key} is missing`);
    else if (other !== object.sha256 && !onlyNames) problems.push(`${key} is defined differently`);
  }
  for (const key of objects.keys()) problems.push(`${key} was not there`);
  return problems;
}

// A sequence may count down, so that the later value is the lower one.
function isBetween(value: string, one: string, other: string): boolean {
  const [at, a, b] = [BigInt(value), BigInt(one), BigInt(other)];
  return a <= b ? at >= a && at <= b : at <= a && at >= b;
}
