/** What the migrations that are about to be applied make themselves: no older release knows of it. */
export class Made {
  readonly #things = new Set<string>();

  add(kind: 'table' | 'column' | 'other', name: string): void {
    this.#things.add(`${kind} ${name}`);
  }

  hasTable(name: string): boolean {
    return this.#things.has(`table ${name}`);
  }

  hasColumn(table: string, column: string): boolean {
    return this.hasTable(table) || this.#things.has(`column ${table}.${column}`);
  }

  /** Of any kind. */
  has(name: string): boolean {
    return this.hasTable(name) || this.#things.has(`other ${name}`);
  }
}

/** What a statement is judged by, beside itself. */
export interface Surroundings {
  made: Made;
  /** Domains that take no NULL, of all migrations of the release. */
  notNullDomains: ReadonlySet<string>;
  /** Rows of a table, about; undefined where nobody knows. */
  rowsOf: (table: string) => number | undefined;
}

/** Up to here a table is locked for a moment only, whatever is done to it. */
const SMALL = 10_000;

export function isSmall({ rowsOf }: Surroundings, table: string): boolean {
  const rows = rowsOf(table);
  return rows !== undefined && rows <= SMALL;
}
