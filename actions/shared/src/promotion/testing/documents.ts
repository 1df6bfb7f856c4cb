import type { Checkpoint } from '../../database/types.ts';
import { ago, RELEASE } from './releases.ts';

/** CycloneDX as image scanners write it, with one finding that does no harm. */
export function bom(
  of: string,
  vulnerabilities: unknown[] = [vulnerability('low')],
  timestamp: string | undefined = ago(3),
) {
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    metadata: {
      ...(timestamp === undefined ? {} : { timestamp }),
      component: { type: 'container', name: 'image', version: of },
    },
    vulnerabilities,
  };
}
export const vulnerability = (severity: string, analysis?: Record<string, string>) => ({
  id: `CVE-2026-${severity}`,
  ratings: [{ severity }],
  ...(analysis === undefined ? {} : { analysis }),
});

export function checkpointOf({ id, at, ok = true }: { id: string; at: string; ok?: boolean }): Checkpoint {
  return {
    schema: 1,
    id,
    taken_at: at,
    reason: 'scheduled',
    commit: RELEASE.commit,
    manifest_digest: RELEASE.digest,
    schema_version: '0003',
    format: 'sql',
    file: 'dump.sql.gz',
    bytes: 1000,
    sha256: '9'.repeat(64),
    database: 'papergate',
    server_version: 180_004,
    tables: [],
    sequences: [],
    objects: [],
    moments: [],
    verified_at: at,
    duration_ms: { dump: 1, verify: 1, total: 2 },
    drills: [{ at, ok, duration_ms: 5, problems: ok ? [] : ['rows of orders differ'] }],
  };
}
