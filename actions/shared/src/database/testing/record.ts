import type { Checkpoint } from '../types.ts';

/** The record of a checkpoint that was taken then; all of it can be changed. */
export function checkpointRecord(takenAt: string, change: Partial<Checkpoint> = {}): Checkpoint {
  const digits = takenAt.replaceAll(/[-:T]/g, '');
  return {
    schema: 1,
    id: `${digits.slice(0, 8)}-${digits.slice(8, 14)}-abcdef`,
    taken_at: takenAt,
    reason: 'a test',
    commit: 'a'.repeat(40),
    manifest_digest: `sha256:${'b'.repeat(64)}`,
    schema_version: '0001_first',
    format: 'sql',
    file: 'dump.sql.gz',
    bytes: 1000,
    sha256: 'c'.repeat(64),
    database: 'papergate',
    server_version: 180004,
    tables: [],
    sequences: [],
    objects: [],
    moments: [],
    verified_at: takenAt,
    duration_ms: { dump: 1, verify: 1, total: 2 },
    drills: [],
    ...change,
  };
}
