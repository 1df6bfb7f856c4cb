import { judgeAlterTable } from './alter-table.ts';
import { judgeForeignKey, type Found } from './columns.ts';
import { isSmall, type Surroundings } from './made.ts';
import { asList, asText, asTree, dottedName, findAll, relationName, unwrap, type Tree } from './node.ts';

type Judge = (tree: Tree, around: Surroundings) => Found[];

/** Functions that look at nothing and change nothing. */
const PURE = new Set(
  'now transaction_timestamp gen_random_uuid random generate_series lower upper length btrim md5 abs round count sum min max to_timestamp jsonb_build_object jsonb_build_array format nextval'.split(
    ' ',
  ),
);

/** What each kind of statement may do; a kind that is not here is refused. */
const JUDGES: Readonly<Record<string, Judge>> = {
  CreateStmt: createTable,
  CreateTableAsStmt: (tree, around) => [
    ...runsNothing(tree),
    ...made('table', relationName(asTree(tree['into'])['rel']), around, tree['if_not_exists']),
  ],
  AlterTableStmt: judgeAlterTable,
  IndexStmt: createIndex,
  CreateSeqStmt: (tree, around) => made('other', relationName(tree['sequence']), around, tree['if_not_exists']),
  AlterSeqStmt: (tree, { made: fresh }) => {
    const name = relationName(tree['sequence']);
    return fresh.has(name) ? [] : [{ code: 'DEFAULT_CHANGED', what: name }];
  },
  CreateEnumStmt: (tree, around) => made('other', dottedName(tree['typeName']), around),
  CreateDomainStmt: (tree, around) => made('other', dottedName(tree['domainname']), around),
  CompositeTypeStmt: (tree, around) => made('other', relationName(tree['typevar']), around),
  AlterEnumStmt: (tree) => {
    const isNew = asText(tree['oldVal']) === '' && asText(tree['newVal']) !== '';
    return isNew ? [] : [{ code: 'RENAMED', what: dottedName(tree['typeName']) }];
  },
  CreateExtensionStmt: () => [],
  CreateSchemaStmt: (tree) => (tree['schemaElts'] === undefined ? [] : [{ code: 'NOT_KNOWN', what: 'schema' }]),
  CreateStatsStmt: () => [],
  CommentStmt: () => [],
  ViewStmt: (tree, around) => {
    const name = relationName(tree['view']);
    if (tree['replace'] === true && !around.made.has(name)) return [{ code: 'REPLACED', what: name }];
    return made('other', name, around);
  },
  CreateFunctionStmt: (tree, around) => {
    const name = dottedName(tree['funcname']);
    if (tree['replace'] === true && !around.made.has(name)) return [{ code: 'REPLACED', what: name }];
    return made('other', name, around);
  },
  CreateTrigStmt: (tree, around) => {
    const table = relationName(tree['relation']);
    return around.made.hasTable(table) ? [] : [{ code: 'TRIGGER_ON_EXISTING', what: table }];
  },
  InsertStmt: (tree, around) => [...runsNothing(tree), ...changesRows(tree, around)],
  UpdateStmt: updateRows,
  DeleteStmt: (tree, around) => [...runsNothing(tree), ...changesRows(tree, around)],
  TruncateStmt: (tree, { made: fresh }) =>
    asList(tree['relations'])
      .map((range) => relationName(unwrap(range).tree))
      .filter((table) => !fresh.hasTable(table))
      .map((table) => ({ code: 'DATA_CHANGED', what: table })),
  SelectStmt: (tree) =>
    tree['intoClause'] === undefined && tree['lockingClause'] === undefined
      ? runsNothing(tree)
      : [{ code: 'NOT_KNOWN', what: 'SELECT' }],
  DropStmt: drop,
  RenameStmt: (tree, { made: fresh }) => {
    const name = relationName(tree['relation']) || dottedName(unwrap(tree['object']).tree['items']);
    const column = asText(tree['subname']);
    if (column === '' ? fresh.has(name) : fresh.hasColumn(name, column)) return [];
    return [{ code: 'RENAMED', what: column === '' ? name : `${name}.${column}` }];
  },
  GrantStmt: (tree) => (tree['is_grant'] === true ? [] : [{ code: 'RIGHTS_REVOKED', what: 'REVOKE' }]),
  GrantRoleStmt: (tree) => (tree['is_grant'] === true ? [] : [{ code: 'RIGHTS_REVOKED', what: 'REVOKE' }]),
  VariableSetStmt: (tree) => {
    const name = asText(tree['name']);
    const isTimeout = /^(lock|statement)_timeout$/.test(name) && tree['is_local'] === true;
    return isTimeout ? [] : [{ code: 'NOT_KNOWN', what: `SET ${name}` }];
  },
  TransactionStmt: () => [{ code: 'TRANSACTION_CONTROL', what: 'the transaction' }],
  DoStmt: () => [{ code: 'CODE_RUN', what: 'DO' }],
  CallStmt: () => [{ code: 'CODE_RUN', what: 'CALL' }],
};

export function judge(kind: string, tree: Tree, around: Surroundings): Found[] {
  const known = Object.hasOwn(JUDGES, kind) ? JUDGES[kind] : undefined;
  return known === undefined ? [{ code: 'NOT_KNOWN', what: kind.replace(/Stmt$/, '') }] : known(tree, around);
}

// With IF NOT EXISTS it may be an old one after all.
function made(kind: 'table' | 'other', name: string, around: Surroundings, ifNotExists?: unknown): Found[] {
  if (ifNotExists !== true) around.made.add(kind, name);
  return [];
}

function createTable(tree: Tree, around: Surroundings): Found[] {
  const name = relationName(tree['relation']);
  const parents = asList(tree['inhRelations']).map((range) => relationName(unwrap(range).tree));
  if (parents.some((parent) => !around.made.hasTable(parent))) return [{ code: 'NOT_KNOWN', what: name }];
  made('table', name, around, tree['if_not_exists']);
  const keys = findAll(tree, 'Constraint').filter(({ contype }) => contype === 'CONSTR_FOREIGN');
  return keys.flatMap((key) => judgeForeignKey(key, name, around));
}

function createIndex(tree: Tree, around: Surroundings): Found[] {
  const table = relationName(tree['relation']);
  if (around.made.hasTable(table)) return [];
  const what = `index ${asText(tree['idxname']) || 'without a name'} on ${table}`;
  const found: Found[] = [];
  if (tree['unique'] === true) found.push({ code: 'UNIQUE_ON_EXISTING', what });
  if (tree['concurrent'] !== true && !isSmall(around, table)) found.push({ code: 'INDEX_LOCKS', what });
  return found;
}

function updateRows(tree: Tree, around: Surroundings): Found[] {
  const table = relationName(tree['relation']);
  const columns = asList(tree['targetList']).map((target) => asText(unwrap(target).tree['name']));
  // Filling a new column of a few rows: nobody older looks at it.
  const onlyNew = columns.every((column) => around.made.hasColumn(table, column)) && isSmall(around, table);
  return [...runsNothing(tree), ...(onlyNew ? [] : changesRows(tree, around))];
}

function changesRows(tree: Tree, around: Surroundings): Found[] {
  const table = relationName(tree['relation']);
  return around.made.hasTable(table) ? [] : [{ code: 'DATA_CHANGED', what: table }];
}

function runsNothing(tree: Tree): Found[] {
  const calls = findAll(tree, 'FuncCall')
    .map(({ funcname }) => dottedName(funcname).replace(/^pg_catalog\./, ''))
    .filter((name) => !PURE.has(name));
  const found: Found[] = calls.map((name) => ({ code: 'CODE_RUN', what: `${name}()` }));
  // Changes hidden in a WITH.
  for (const kind of ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']) {
    if (findAll(tree, kind).length > 0) found.push({ code: 'DATA_CHANGED', what: 'a WITH query' });
  }
  return found;
}

function drop(tree: Tree, { made: fresh }: Surroundings): Found[] {
  return asList(tree['objects'])
    .map((object) => {
      const { kind, tree: held } = unwrap(object);
      if (kind === 'List') return dottedName(held['items']);
      return dottedName(held['names'] ?? held['objname']);
    })
    .filter((name) => name === '' || !fresh.has(name))
    .map((name) => ({ code: 'DROPPED', what: name }));
}
