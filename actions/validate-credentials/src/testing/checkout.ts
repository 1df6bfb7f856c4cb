import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CONFIG = fileURLToPath(new URL('../../../../config', import.meta.url));

/** A small checkout with this repository's real configuration in it, and the given files over it. */
export interface Checkout {
  dir: string;
  write(path: string, content: string): string;
  remove(): void;
}

export function makeCheckout(files: Readonly<Record<string, string>> = {}): Checkout {
  const dir = mkdtempSync(join(tmpdir(), 'papergate-checkout-'));
  const write = (path: string, content: string): string => {
    const absolute = join(dir, path);
    mkdirSync(dirname(absolute), { recursive: true });
    writeFileSync(absolute, content);
    return absolute;
  };
  mkdirSync(join(dir, 'config'));
  for (const name of readdirSync(CONFIG).filter((entry) => /\.(?:json|toml|yaml)$/.test(entry)))
    cpSync(join(CONFIG, name), join(dir, 'config', name));
  for (const [path, content] of Object.entries(files)) write(path, content);
  return { dir, write, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
