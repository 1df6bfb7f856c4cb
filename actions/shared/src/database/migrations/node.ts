/**
 * PostgreSQL's own parse tree, looked at without trusting its shape: whatever is not where it is expected reads as
 * absent, and what the checks do not understand they refuse.
 */
export type Tree = Readonly<Record<string, unknown>>;

export const asTree = (value: unknown): Tree => (typeof value === 'object' && value !== null ? (value as Tree) : {});
export const asList = (value: unknown): Tree[] => (Array.isArray(value) ? value.map(asTree) : []);
export const asText = (value: unknown): string => (typeof value === 'string' ? value : '');

/** `{"AlterTableStmt": {…}}` → its name and what it holds. */
export function unwrap(node: unknown): { kind: string; tree: Tree } {
  const [entry] = Object.entries(asTree(node));
  return entry === undefined ? { kind: '', tree: {} } : { kind: entry[0], tree: asTree(entry[1]) };
}

/** Name of a table as a statement gives it, `public` and no schema being the same. */
export function relationName(range: unknown): string {
  const { schemaname, relname } = asTree(range);
  const schema = asText(schemaname);
  return schema === '' || schema === 'public' ? asText(relname) : `${schema}.${asText(relname)}`;
}

/** `[{"String": {"sval": "a"}}, …]` → `a.b`, `public` left out. */
export function dottedName(parts: unknown): string {
  const names = asList(parts).map((part) => asText(asTree(part['String'])['sval']));
  return (names.length > 1 && names[0] === 'public' ? names.slice(1) : names).join('.');
}

/** All nodes of a kind below one, however deep. */
export function findAll(node: unknown, kind: string): Tree[] {
  if (Array.isArray(node)) return node.flatMap((each) => findAll(each, kind));
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => [
    ...(key === kind ? [asTree(value)] : []),
    ...findAll(value, kind),
  ]);
}
