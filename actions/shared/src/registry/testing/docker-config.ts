import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder for DOCKER_CONFIG with this in its config.json; also for programs that the test puts beside it. */
export function dockerConfig(content: unknown): { dir: string; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'papergate-docker-'));
  writeFileSync(join(dir, 'config.json'), typeof content === 'string' ? content : JSON.stringify(content));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** A program of a few shell lines in that folder. */
export function program(dir: string, name: string, script: string): void {
  writeFileSync(join(dir, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}
