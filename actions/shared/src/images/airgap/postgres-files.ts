import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LayerEntry } from './layer.ts';

const UID = 999;

/** What the official image has beside the packages: its entry point, and the folders of data and socket. */
export function postgresFiles(recipesDir: string): LayerEntry[] {
  const folder = (path: string, mode: number, owner = 0): LayerEntry => ({
    path,
    type: 'directory',
    mode,
    uid: owner,
    gid: owner,
  });
  return [
    {
      path: 'usr/local/bin/docker-entrypoint.sh',
      type: 'file',
      mode: 0o755,
      content: readFileSync(join(recipesDir, 'docker-entrypoint.sh')),
    },
    folder('docker-entrypoint-initdb.d', 0o755),
    folder('var/lib/postgresql', 0o755, UID),
    folder('run/postgresql', 0o3777, UID),
  ];
}
