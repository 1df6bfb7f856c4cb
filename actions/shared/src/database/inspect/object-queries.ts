import type { Phase } from './objects.ts';

interface ObjectQuery {
  kind: string;
  phase: Phase;
  /** Gives `name` and `ddl`. */
  sql: string;
}

const OUTSIDE_SYSTEM = `n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'`;

const notOfExtension = (catalog: string, oid: string): string =>
  `NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '${catalog}'::regclass AND e.objid = ${oid} AND e.deptype = 'e')`;

const RELATION = `format('%I.%I', n.nspname, c.relname)`;
const TYPE = `format('%I.%I', n.nspname, t.typname)`;
const OPTIONS = `CASE WHEN c.reloptions IS NULL THEN '' ELSE format(' WITH (%s)', array_to_string(c.reloptions, ', ')) END`;

const owner = (what: string, name: string, role: string): string =>
  `format('ALTER ${what} %s OWNER TO %I;', ${name}, pg_get_userbyid(${role}))`;

const SEQUENCE_OPTIONS = `format('START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s%s',
  s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END)`;

const COLUMN = `
  format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod))
  || CASE WHEN a.attcompression <> '' THEN CASE a.attcompression WHEN 'l' THEN ' COMPRESSION lz4' ELSE ' COMPRESSION pglz' END ELSE '' END
  || CASE WHEN a.attcollation <> 0 AND a.attcollation <> t.typcollation THEN
       (SELECT format(' COLLATE %I.%I', cn.nspname, co.collname) FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation)
     ELSE '' END
  || CASE WHEN a.attgenerated <> '' THEN
       format(' GENERATED ALWAYS AS (%s)%s', pg_get_expr(d.adbin, d.adrelid), CASE WHEN a.attgenerated = 's' THEN ' STORED' ELSE '' END)
     ELSE '' END
  || CASE WHEN a.attidentity <> '' THEN
       (SELECT format(' GENERATED %s AS IDENTITY (SEQUENCE NAME %I.%I %s)', CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END,
          sn.nspname, sc.relname, ${SEQUENCE_OPTIONS})
        FROM pg_depend dep JOIN pg_class sc ON sc.oid = dep.objid JOIN pg_namespace sn ON sn.oid = sc.relnamespace JOIN pg_sequence s ON s.seqrelid = sc.oid
        WHERE dep.classid = 'pg_class'::regclass AND dep.refobjid = c.oid AND dep.refobjsubid = a.attnum AND dep.deptype = 'i')
     ELSE '' END
  || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END`;

const COLUMNS = `
  (SELECT string_agg(E'\\n  ' || ${COLUMN}, ',' ORDER BY a.attnum)
   FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)`;

// Rights that were never changed are not written: their default is the same wherever the object is made.
const grants = (what: string, name: string, acl: string): string => `
  format('REVOKE ALL ON ${what} %s FROM PUBLIC;', ${name}) || coalesce(
    (SELECT string_agg(format(E'\\nGRANT %s ON ${what} %s TO %s%s;', g.privilege_type, ${name},
       CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
       CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), '' ORDER BY g.grantee::text, g.privilege_type)
     FROM aclexplode(${acl}) g), '')`;

const CONSTRAINT_KINDS = [
  ['constraint', 'p', 'u', 'x', 'c'],
  ['foreign key', 'f'],
] as const;

/** In the order in which they are made. */
export const QUERIES: readonly ObjectQuery[] = [
  {
    kind: 'extension',
    phase: 'before-data',
    sql: `SELECT quote_ident(e.extname) AS name, format('CREATE EXTENSION IF NOT EXISTS %I WITH SCHEMA %I;', e.extname, n.nspname) AS ddl
      FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname <> 'plpgsql' ORDER BY e.oid`,
  },
  {
    kind: 'schema',
    phase: 'before-data',
    sql: `SELECT quote_ident(n.nspname) AS name,
        format('CREATE SCHEMA %I AUTHORIZATION %I;', n.nspname, pg_get_userbyid(n.nspowner)) AS ddl
      FROM pg_namespace n WHERE ${OUTSIDE_SYSTEM} AND n.nspname <> 'public' AND ${notOfExtension('pg_namespace', 'n.oid')} ORDER BY n.oid`,
  },
  {
    kind: 'type',
    phase: 'before-data',
    sql: `SELECT ${TYPE} AS name, CASE t.typtype
        WHEN 'e' THEN format('CREATE TYPE %s AS ENUM (%s);', ${TYPE},
          (SELECT string_agg(quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = t.oid))
        WHEN 'd' THEN format('CREATE DOMAIN %s AS %s%s%s%s;', ${TYPE}, format_type(t.typbasetype, t.typtypmod),
          CASE WHEN t.typdefault IS NULL THEN '' ELSE ' DEFAULT ' || t.typdefault END,
          CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END,
          coalesce((SELECT string_agg(format(' CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), '' ORDER BY k.conname)
            FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'), ''))
        ELSE format('CREATE TYPE %s AS (%s);', ${TYPE},
          (SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
           FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
        END || E'\\n' || ${owner('TYPE', TYPE, 't.typowner')} AS ddl
      FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
      WHERE ${OUTSIDE_SYSTEM} AND (t.typtype IN ('e', 'd') OR (t.typtype = 'c' AND c.relkind = 'c')) AND ${notOfExtension('pg_type', 't.oid')}
      ORDER BY t.oid`,
  },
  {
    kind: 'sequence',
    phase: 'before-data',
    sql: `SELECT ${RELATION} AS name,
        format(E'CREATE SEQUENCE %s AS %s %s;\\n%s', ${RELATION}, format_type(s.seqtypid, NULL), ${SEQUENCE_OPTIONS}, ${owner('SEQUENCE', RELATION, 'c.relowner')}) AS ddl
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid
      WHERE ${OUTSIDE_SYSTEM} AND ${notOfExtension('pg_class', 'c.oid')}
        AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = 'pg_class'::regclass AND i.objid = c.oid AND i.deptype = 'i')
      ORDER BY c.oid`,
  },
  {
    kind: 'function',
    phase: 'before-data',
    sql: `SELECT p.oid::regprocedure::text AS name,
        format(E'%s;\\n%s', rtrim(pg_get_functiondef(p.oid), E'\\n '), ${owner('ROUTINE', 'p.oid::regprocedure::text', 'p.proowner')}) AS ddl
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE ${OUTSIDE_SYSTEM} AND p.prokind IN ('f', 'p') AND ${notOfExtension('pg_proc', 'p.oid')} ORDER BY p.oid`,
  },
  {
    kind: 'table',
    phase: 'before-data',
    sql: `SELECT ${RELATION} AS name,
        format(E'CREATE %sTABLE %s (%s\\n)%s;\\n%s', CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END, ${RELATION}, ${COLUMNS}, ${OPTIONS},
          ${owner('TABLE', RELATION, 'c.relowner')})
        || CASE c.relreplident WHEN 'f' THEN format(E'\\nALTER TABLE %s REPLICA IDENTITY FULL;', ${RELATION})
             WHEN 'n' THEN format(E'\\nALTER TABLE %s REPLICA IDENTITY NOTHING;', ${RELATION}) ELSE '' END AS ddl
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE ${OUTSIDE_SYSTEM} AND c.relkind = 'r' AND NOT c.relispartition AND ${notOfExtension('pg_class', 'c.oid')} ORDER BY c.oid`,
  },
  {
    kind: 'default',
    phase: 'after-data',
    sql: `SELECT format('%s.%I', ${RELATION}, a.attname) AS name,
        format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s;', ${RELATION}, a.attname, pg_get_expr(d.adbin, d.adrelid)) AS ddl
      FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
        JOIN pg_class c ON c.oid = d.adrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE ${OUTSIDE_SYSTEM} AND c.relkind = 'r' AND a.attgenerated = '' AND NOT a.attisdropped AND ${notOfExtension('pg_class', 'c.oid')}
      ORDER BY c.oid, a.attnum`,
  },
  {
    kind: 'sequence owner',
    phase: 'after-data',
    sql: `SELECT ${RELATION} AS name,
        format('ALTER SEQUENCE %s OWNED BY %s.%I;', ${RELATION}, (SELECT format('%I.%I', rn.nspname, rc.relname)
          FROM pg_class rc JOIN pg_namespace rn ON rn.oid = rc.relnamespace WHERE rc.oid = o.refobjid), a.attname) AS ddl
      FROM pg_depend o JOIN pg_class c ON c.oid = o.objid AND c.relkind = 'S' JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = o.refobjid AND a.attnum = o.refobjsubid
      WHERE ${OUTSIDE_SYSTEM} AND o.classid = 'pg_class'::regclass AND o.refclassid = 'pg_class'::regclass AND o.deptype = 'a'
        AND ${notOfExtension('pg_class', 'c.oid')} ORDER BY c.oid`,
  },
  ...CONSTRAINT_KINDS.map(([kind, ...types]): ObjectQuery => ({
    kind,
    phase: 'after-data',
    sql: `SELECT format('%I on %s', k.conname, ${RELATION}) AS name,
        format('ALTER TABLE ONLY %s ADD CONSTRAINT %I %s;', ${RELATION}, k.conname, pg_get_constraintdef(k.oid)) AS ddl
      FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE ${OUTSIDE_SYSTEM} AND k.contype IN (${types.map((type) => `'${type}'`).join(', ')}) AND k.conparentid = 0
        AND c.relkind = 'r' AND NOT c.relispartition AND ${notOfExtension('pg_class', 'c.oid')} ORDER BY k.oid`,
  })),
  {
    kind: 'index',
    phase: 'after-data',
    // An invalid one is what a failed CREATE INDEX CONCURRENTLY left: pg_dump leaves it out as well.
    sql: `SELECT ${RELATION} AS name, pg_get_indexdef(c.oid) || ';' AS ddl
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class h ON h.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE ${OUTSIDE_SYSTEM} AND i.indisvalid AND h.relkind = 'r' AND NOT h.relispartition AND ${notOfExtension('pg_class', 'h.oid')}
        AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')) ORDER BY c.oid`,
  },
  {
    kind: 'statistics',
    phase: 'after-data',
    sql: `SELECT format('%I.%I', n.nspname, x.stxname) AS name, pg_get_statisticsobjdef(x.oid) || ';' AS ddl
      FROM pg_statistic_ext x JOIN pg_namespace n ON n.oid = x.stxnamespace WHERE ${OUTSIDE_SYSTEM} ORDER BY x.oid`,
  },
  {
    kind: 'view',
    phase: 'after-data',
    sql: `SELECT ${RELATION} AS name,
        format(E'CREATE VIEW %s%s AS\\n%s\\n%s', ${RELATION}, ${OPTIONS}, pg_get_viewdef(c.oid), ${owner('VIEW', RELATION, 'c.relowner')}) AS ddl
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE ${OUTSIDE_SYSTEM} AND c.relkind = 'v' AND ${notOfExtension('pg_class', 'c.oid')} ORDER BY c.oid`,
  },
  {
    kind: 'trigger',
    phase: 'after-data',
    sql: `SELECT format('%I on %s', g.tgname, ${RELATION}) AS name, pg_get_triggerdef(g.oid) || ';'
        || CASE g.tgenabled WHEN 'O' THEN '' ELSE format(E'\\nALTER TABLE %s %s TRIGGER %I;', ${RELATION},
             CASE g.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, g.tgname) END AS ddl
      FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE ${OUTSIDE_SYSTEM} AND NOT g.tgisinternal AND g.tgparentid = 0 AND ${notOfExtension('pg_class', 'c.oid')} ORDER BY g.oid`,
  },
  {
    kind: 'rights',
    phase: 'after-data',
    sql: `SELECT ${RELATION} AS name,
        CASE c.relkind WHEN 'S' THEN ${grants('SEQUENCE', RELATION, 'c.relacl')} ELSE ${grants('TABLE', RELATION, 'c.relacl')} END AS ddl
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE ${OUTSIDE_SYSTEM} AND c.relkind IN ('r', 'v', 'S') AND c.relacl IS NOT NULL AND ${notOfExtension('pg_class', 'c.oid')} ORDER BY c.oid`,
  },
  {
    kind: 'rights',
    phase: 'after-data',
    sql: `SELECT p.oid::regprocedure::text AS name, ${grants('ROUTINE', 'p.oid::regprocedure::text', 'p.proacl')} AS ddl
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE ${OUTSIDE_SYSTEM} AND p.prokind IN ('f', 'p') AND p.proacl IS NOT NULL AND ${notOfExtension('pg_proc', 'p.oid')} ORDER BY p.oid`,
  },
  {
    kind: 'rights',
    phase: 'after-data',
    // The schema `public` begins with rights of its own, which only count where they were changed.
    sql: `SELECT 'schema ' || quote_ident(n.nspname) AS name, ${grants('SCHEMA', 'quote_ident(n.nspname)', 'n.nspacl')} AS ddl
      FROM pg_namespace n
      WHERE ${OUTSIDE_SYSTEM} AND n.nspacl IS NOT NULL AND ${notOfExtension('pg_namespace', 'n.oid')}
        AND n.nspacl IS DISTINCT FROM (SELECT i.initprivs FROM pg_init_privs i WHERE i.classoid = 'pg_namespace'::regclass AND i.objoid = n.oid AND i.objsubid = 0)
      ORDER BY n.oid`,
  },
  {
    kind: 'comment',
    phase: 'after-data',
    sql: `SELECT format('on %s %s', o.type, o.identity) AS name,
        format('COMMENT ON %s %s IS %L;', CASE o.type WHEN 'table column' THEN 'COLUMN' WHEN 'view column' THEN 'COLUMN' WHEN 'table constraint' THEN 'CONSTRAINT' ELSE upper(o.type) END,
          o.identity, d.description) AS ddl
      FROM pg_description d CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) o
      WHERE d.objoid >= 16384 AND d.classoid IN ('pg_class'::regclass, 'pg_constraint'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass, 'pg_trigger'::regclass, 'pg_namespace'::regclass)
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e')
      ORDER BY 1`,
  },
];

const named = (kind: string, name: string, rest: string): string => `SELECT ${kind} AS kind, ${name} AS name ${rest}`;

/** What the queries above do not cover. User objects have numbers from 16384 on. */
export const UNSUPPORTED = [
  named(
    `CASE c.relkind WHEN 'p' THEN 'partitioned table' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'partitioned index' END`,
    RELATION,
    `FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${OUTSIDE_SYSTEM} AND c.relkind IN ('p', 'm', 'f', 'I') AND ${notOfExtension('pg_class', 'c.oid')}`,
  ),
  named(
    `CASE WHEN c.relispartition THEN 'partition' WHEN c.relrowsecurity THEN 'table with row security' WHEN c.relreplident = 'i' THEN 'table with a replica identity' ELSE 'table that inherits' END`,
    RELATION,
    `FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${OUTSIDE_SYSTEM} AND c.relkind = 'r'
      AND (c.relispartition OR c.relrowsecurity OR c.relreplident = 'i' OR c.reloftype <> 0 OR EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid))`,
  ),
  named(
    `'rights on a column'`,
    `format('%s.%I', ${RELATION}, a.attname)`,
    `FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE ${OUTSIDE_SYSTEM} AND a.attacl IS NOT NULL AND ${notOfExtension('pg_class', 'c.oid')}`,
  ),
  named(
    `CASE p.prokind WHEN 'a' THEN 'aggregate' ELSE 'window function' END`,
    `p.oid::regprocedure::text`,
    `FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE ${OUTSIDE_SYSTEM} AND p.prokind IN ('a', 'w') AND ${notOfExtension('pg_proc', 'p.oid')}`,
  ),
  named(
    `'type'`,
    `format('%I.%I', n.nspname, t.typname)`,
    `FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE ${OUTSIDE_SYSTEM}
       AND (t.typtype = 'r' OR (t.typtype = 'b' AND t.typelem = 0) OR t.typacl IS NOT NULL) AND ${notOfExtension('pg_type', 't.oid')}`,
  ),
  named(
    `'rule'`,
    `format('%I on %I', r.rulename, c.relname)`,
    `FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE r.oid >= 16384 AND r.rulename <> '_RETURN' AND ${notOfExtension('pg_class', 'c.oid')}`,
  ),
  ...[
    ['policy', 'pg_policy', 'polname'],
    ['event trigger', 'pg_event_trigger', 'evtname'],
    ['publication', 'pg_publication', 'pubname'],
    ['foreign server', 'pg_foreign_server', 'srvname'],
    ['foreign data wrapper', 'pg_foreign_data_wrapper', 'fdwname'],
    ['collation', 'pg_collation', 'collname'],
    ['conversion', 'pg_conversion', 'conname'],
    ['text search configuration', 'pg_ts_config', 'cfgname'],
    ['text search dictionary', 'pg_ts_dict', 'dictname'],
    ['operator', 'pg_operator', 'oprname'],
    ['operator class', 'pg_opclass', 'opcname'],
    ['language', 'pg_language', 'lanname'],
    ['access method', 'pg_am', 'amname'],
  ].map(([kind, catalog, column]) =>
    named(
      `'${kind}'`,
      `${column}::text`,
      `FROM ${catalog} x WHERE x.oid >= 16384 AND ${notOfExtension(catalog ?? '', 'x.oid')}`,
    ),
  ),
  named(
    `'cast'`,
    `format('%s as %s', format_type(x.castsource, NULL), format_type(x.casttarget, NULL))`,
    `FROM pg_cast x WHERE x.oid >= 16384 AND ${notOfExtension('pg_cast', 'x.oid')}`,
  ),
  named(`'large object'`, `x.oid::text`, `FROM pg_largeobject_metadata x`),
  named(`'default rights'`, `format('%s %s', pg_get_userbyid(x.defaclrole), x.defaclobjtype)`, `FROM pg_default_acl x`),
].join('\nUNION ALL\n');
