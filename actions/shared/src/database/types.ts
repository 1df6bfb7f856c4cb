import { Type, type Static } from 'typebox';
import type { HostFiles } from '../host/types.ts';

/** Where the checkpoints of a place lie: `<dir>/<id>/checkpoint.json` and the dump beside it. */
export interface CheckpointStore {
  files: HostFiles;
  /** `checkpoints/` of the place, absolute on its host. */
  dir: string;
}

/** Told what begins; it begins once what this returns is done. */
export type OnStep = (message: string) => void | Promise<void>;

const TableSchema = Type.Object({
  /** Quoted and with its schema, as SQL wants it. */
  name: Type.String(),
  rows: Type.Integer({ minimum: 0 }),
  /** Sum over all rows of the first 64 bits of the SHA-256 of the row's text: independent of order. Decimal text. */
  hash: Type.String(),
});

/** The number that the sequence gives next, between these two: a dump program reads it at a moment of its own. Decimal text. */
const SequenceSchema = Type.Object({ name: Type.String(), low: Type.String(), high: Type.String() });

const ObjectSchema = Type.Object({ kind: Type.String(), name: Type.String(), sha256: Type.String() });

/** What a database holds, in a form that two databases can be compared by. */
export const ContentsSchema = Type.Object({
  tables: Type.Array(TableSchema),
  sequences: Type.Array(SequenceSchema),
  /** Definitions: tables, constraints, indexes, triggers, functions, views, types, grants… */
  objects: Type.Array(ObjectSchema),
});
export type Contents = Static<typeof ContentsSchema>;
export type TableContents = Static<typeof TableSchema>;

/** One database, from its creation to its end, and what it had seen: rows that came later can be told by it. */
const MomentSchema = Type.Object({
  /** Of the cluster: `pg_control_system()`. */
  system: Type.String(),
  /** Of the database within it. */
  oid: Type.String(),
  /** `pg_current_snapshot()`. */
  snapshot: Type.String(),
});
export type Moment = Static<typeof MomentSchema>;

const DrillSchema = Type.Object({
  at: Type.String(),
  ok: Type.Boolean(),
  duration_ms: Type.Integer(),
  problems: Type.Array(Type.String()),
});
export type Drill = Static<typeof DrillSchema>;

/** `checkpoint.json`. It is written last, when the dump has been restored and compared: without it there is no checkpoint. */
export const CheckpointSchema = Type.Object({
  schema: Type.Literal(1),
  id: Type.String({ pattern: '^[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$' }),
  /** RFC 3339 UTC, by the clock of the caller. */
  taken_at: Type.String(),
  /** In words: `before deploy of 0123456789ab`, `scheduled`. */
  reason: Type.String(),
  commit: Type.String(),
  manifest_digest: Type.String(),
  /** Name of the last migration that the database had. */
  schema_version: Type.String(),
  /** `pg_dump`: its custom format. `sql`: a gzipped script that `psql` takes as well. */
  format: Type.Enum(['pg_dump', 'sql']),
  file: Type.String({ pattern: '^[a-z0-9.]+$' }),
  bytes: Type.Integer({ minimum: 1 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  database: Type.String(),
  /** `180004`: major times 10 000 and minor. */
  server_version: Type.Integer(),
  ...ContentsSchema.properties,
  /** The databases whose rows can be told apart into before and after this checkpoint, newest last. */
  moments: Type.Array(MomentSchema),
  verified_at: Type.String(),
  duration_ms: Type.Object({ dump: Type.Integer(), verify: Type.Integer(), total: Type.Integer() }),
  drills: Type.Array(DrillSchema),
});
export type Checkpoint = Static<typeof CheckpointSchema>;
