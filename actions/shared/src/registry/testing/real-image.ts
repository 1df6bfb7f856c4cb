import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A small image on a real engine, out of nothing but a file; gives its id. */
export function importImage(env: Record<string, string | undefined>, content: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'papergate-image-'));
  try {
    writeFileSync(join(dir, 'file'), content);
    execFileSync('tar', ['-C', dir, '-cf', join(dir, 'root.tar'), '--mtime=@0', 'file']);
    return execFileSync('docker', ['import', join(dir, 'root.tar')], { env, encoding: 'utf8', stdio: 'pipe' }).trim();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Removes images with all their names. */
export function removeImages(env: Record<string, string | undefined>, ids: readonly string[]): void {
  if (ids.length > 0) execFileSync('docker', ['image', 'rm', '-f', ...ids], { env, stdio: 'pipe' });
}
