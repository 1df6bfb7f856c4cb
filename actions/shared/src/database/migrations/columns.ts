import { isSmall, type Surroundings } from './made.ts';
import { asList, asText, asTree, dottedName, findAll, unwrap, type Tree } from './node.ts';
import type { RuleCode } from './rules.ts';

export type Found = { code: RuleCode; what: string };

/** Functions that give one value for all rows of a statement: PostgreSQL stores it once and rewrites nothing. */
const STABLE = new Set(['now', 'transaction_timestamp', 'statement_timestamp', 'current_database']);

/** A new column of a table that older releases write to. */
export function judgeNewColumn(definition: Tree, table: string, around: Surroundings): Found[] {
  const what = `${table}.${asText(definition['colname'])}`;
  const found: Found[] = [];
  const constraints = asList(definition['constraints']).map((constraint) => unwrap(constraint).tree);
  const kinds = new Set(constraints.map(({ contype }) => asText(contype)));
  const type = dottedName(asTree(definition['typeName'])['names']);
  const initial = constraints.find(({ contype }) => contype === 'CONSTR_DEFAULT')?.['raw_expr'];
  const hasDefault = initial !== undefined && asTree(asTree(initial)['A_Const'])['isnull'] !== true;

  const takesNoNull = kinds.has('CONSTR_NOTNULL') || around.notNullDomains.has(type);
  if (takesNoNull && !hasDefault) found.push({ code: 'NOT_NULL', what });
  if (kinds.has('CONSTR_UNIQUE') || kinds.has('CONSTR_PRIMARY')) found.push({ code: 'UNIQUE_ON_EXISTING', what });
  const fillsEveryRow =
    /^(pg_catalog\.)?(small|big)?serial[248]?$/.test(type) ||
    kinds.has('CONSTR_IDENTITY') ||
    constraints.some((each) => each['contype'] === 'CONSTR_GENERATED' && each['generated_kind'] !== 'v') ||
    (hasDefault && !isOneValue(initial));
  if (fillsEveryRow && !isSmall(around, table)) found.push({ code: 'REWRITES_TABLE', what });
  for (const constraint of constraints) {
    if (constraint['contype'] === 'CONSTR_CHECK' && !isAbout(constraint['raw_expr'], definition)) {
      found.push({ code: 'CONSTRAINT_ADDED', what });
    }
    if (constraint['contype'] === 'CONSTR_FOREIGN') found.push(...judgeForeignKey(constraint, what, around));
    if (!KNOWN.has(asText(constraint['contype']))) found.push({ code: 'NOT_KNOWN', what });
  }
  return found;
}

const KNOWN = new Set([
  'CONSTR_NULL',
  'CONSTR_NOTNULL',
  'CONSTR_DEFAULT',
  'CONSTR_CHECK',
  'CONSTR_UNIQUE',
  'CONSTR_PRIMARY',
  'CONSTR_FOREIGN',
  'CONSTR_IDENTITY',
  'CONSTR_GENERATED',
]);

/** What refers to a row keeps an older release from deleting it, unless it goes along. */
export function judgeForeignKey(constraint: Tree, what: string, { made }: Surroundings): Found[] {
  const target = asTree(constraint['pktable']);
  const name = asText(target['relname']);
  const goesAlong = ['c', 'n', 'd'].includes(asText(constraint['fk_del_action']));
  return made.hasTable(name) || goesAlong ? [] : [{ code: 'FOREIGN_KEY', what }];
}

/** Whether a check looks at nothing but the column itself, which an older release leaves NULL or at its default. */
function isAbout(expression: unknown, definition: Tree): boolean {
  return findAll(expression, 'ColumnRef').every(({ fields }) => dottedName(fields) === definition['colname']);
}

/** Whether an expression has the same value for all rows, so that adding it as a default writes none of them. */
function isOneValue(expression: unknown): boolean {
  const { kind, tree } = unwrap(expression);
  if (kind === 'A_Const' || kind === 'SQLValueFunction') return true;
  if (kind === 'TypeCast') return isOneValue(tree['arg']);
  if (kind === 'A_ArrayExpr') return asList(tree['elements']).every(isOneValue);
  if (kind === 'FuncCall') {
    const name = dottedName(tree['funcname']).replace(/^pg_catalog\./, '');
    return STABLE.has(name) && asList(tree['args']).every(isOneValue);
  }
  return false;
}
