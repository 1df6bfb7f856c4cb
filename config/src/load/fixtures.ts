import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SAMPLES = join(import.meta.dirname, 'samples');
/** The files that deployments use. */
export const REAL_CONFIG = join(import.meta.dirname, '..', '..');

/** A copy of the sample files in a folder of its own. */
export class ConfigFolder {
  readonly dir = mkdtempSync(join(tmpdir(), 'papergate-config-'));

  constructor() {
    cpSync(SAMPLES, this.dir, { recursive: true });
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  write(name: string, content: string | Buffer): void {
    writeFileSync(this.path(name), content);
  }

  /** Replaces a text that must be there. */
  edit(name: string, from: string | RegExp, to: string): void {
    const text = readFileSync(this.path(name), 'utf8');
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`${name} has no ${String(from)}`);
    this.write(name, changed);
  }

  remove(name?: string): void {
    rmSync(name === undefined ? this.dir : this.path(name), { recursive: true, force: true });
  }
}
