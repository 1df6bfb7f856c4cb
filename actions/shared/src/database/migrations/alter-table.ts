import { judgeForeignKey, judgeNewColumn, type Found } from './columns.ts';
import type { Surroundings } from './made.ts';
import { asList, asText, asTree, relationName, unwrap, type Tree } from './node.ts';

/** Changes that no reader or writer notices, but for a lock of a moment. */
const HARMLESS = new Set([
  'AT_SetStatistics',
  'AT_SetOptions',
  'AT_ResetOptions',
  'AT_SetRelOptions',
  'AT_ResetRelOptions',
  'AT_SetStorage',
  'AT_SetCompression',
  'AT_ValidateConstraint',
  'AT_DropNotNull',
  'AT_ClusterOn',
  'AT_DropCluster',
]);

/** `ALTER TABLE` on a table that older releases use, change by change. */
export function judgeAlterTable(tree: Tree, around: Surroundings): Found[] {
  const table = relationName(tree['relation']);
  if (around.made.hasTable(table)) return [];
  if (tree['objtype'] !== 'OBJECT_TABLE') {
    return around.made.has(table) ? [] : [{ code: 'NOT_KNOWN', what: table }];
  }
  return asList(tree['cmds']).flatMap((command) => judgeChange(unwrap(command).tree, table, around));
}

function judgeChange(change: Tree, table: string, around: Surroundings): Found[] {
  const subtype = asText(change['subtype']);
  const column = asText(change['name']);
  const what = column === '' ? table : `${table}.${column}`;
  if (subtype === 'AT_AddColumn') return addColumn(change, table, around);
  if (subtype === 'AT_AddConstraint') return addConstraint(change, table, around);
  if (HARMLESS.has(subtype)) return [];
  if (column !== '' && subtype !== 'AT_DropConstraint' && around.made.hasColumn(table, column)) return [];
  switch (subtype) {
    case 'AT_DropColumn':
    case 'AT_DropConstraint':
    case 'AT_DropIdentity':
    case 'AT_DropExpression':
      return [{ code: 'DROPPED', what }];
    case 'AT_AlterColumnType':
      return [{ code: 'TYPE_CHANGED', what }];
    case 'AT_SetNotNull':
      return [{ code: 'NOT_NULL', what }];
    case 'AT_ColumnDefault':
    case 'AT_AddIdentity':
    case 'AT_SetIdentity':
      return [{ code: 'DEFAULT_CHANGED', what }];
    case 'AT_EnableTrig':
    case 'AT_EnableAlwaysTrig':
    case 'AT_EnableReplicaTrig':
    case 'AT_DisableTrig':
    case 'AT_EnableTrigAll':
    case 'AT_DisableTrigAll':
      return [{ code: 'TRIGGER_ON_EXISTING', what }];
    default:
      return [{ code: 'NOT_KNOWN', what }];
  }
}

function addColumn(change: Tree, table: string, around: Surroundings): Found[] {
  const definition = asTree(asTree(change['def'])['ColumnDef']);
  const found = judgeNewColumn(definition, table, around);
  // With IF NOT EXISTS it may be an old one after all.
  if (change['missing_ok'] !== true) around.made.add('column', `${table}.${asText(definition['colname'])}`);
  return found;
}

function addConstraint(change: Tree, table: string, around: Surroundings): Found[] {
  const constraint = asTree(asTree(change['def'])['Constraint']);
  const name = asText(constraint['conname']);
  const what = name === '' ? table : `${table}, constraint ${name}`;
  const kind = asText(constraint['contype']);
  const columns = asList(constraint['fk_attrs']).map((each) => asText(asTree(each['String'])['sval']));
  const onlyNew = columns.length > 0 && columns.every((column) => around.made.hasColumn(table, column));
  if (kind === 'CONSTR_FOREIGN' && onlyNew) return judgeForeignKey(constraint, what, around);
  const isUnique = ['CONSTR_UNIQUE', 'CONSTR_PRIMARY', 'CONSTR_EXCLUSION'].includes(kind);
  return [{ code: isUnique ? 'UNIQUE_ON_EXISTING' : 'CONSTRAINT_ADDED', what }];
}
