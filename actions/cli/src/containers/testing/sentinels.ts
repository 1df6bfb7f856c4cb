import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A secret that is like no other text: wherever it turns up it has leaked. */
export const sentinel = (name: string): string => `sentinel-${name}-${randomBytes(12).toString('hex')}`;

/** Whether a text holds a secret: as it is, or in one of the ways in which it is likely to be wrapped. */
export function holds(text: string | Buffer, secret: string): boolean {
  const buffer = typeof text === 'string' ? Buffer.from(text) : text;
  return wrapped(secret).some((form) => buffer.includes(form));
}

function wrapped(secret: string): string[] {
  return [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64').slice(0, -4),
    Buffer.from(secret).toString('hex'),
  ];
}

/** Files below a folder that hold one of the secrets; those of which the path is let through are not read. */
export function leaks(
  dir: string,
  secrets: Readonly<Record<string, string>>,
  allowed: (path: string) => boolean,
): { path: string; secret: string }[] {
  return readdirSync(dir, { recursive: true }).flatMap((entry) => {
    const path = join(dir, String(entry));
    if (!lstatSync(path).isFile() || allowed(path)) return [];
    const text = readFileSync(path);
    return Object.entries(secrets)
      .filter(([, secret]) => holds(text, secret))
      .map(([secret]) => ({ path, secret }));
  });
}

/** Looks at the arguments of every process on this machine again and again: there nothing may ever be. */
export class ArgumentsWatch {
  readonly found = new Set<string>();
  readonly #secrets: Readonly<Record<string, string>>;
  readonly #timer: NodeJS.Timeout;
  looks = 0;

  constructor(secrets: Readonly<Record<string, string>>) {
    this.#secrets = secrets;
    this.#timer = setInterval(() => this.#look(), 60);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    this.looks += 1;
    for (const pid of readdirSync('/proc')) {
      if (!/^\d+$/.test(pid)) continue;
      let text: string;
      try {
        text = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        continue; // It has ended.
      }
      for (const [name, secret] of Object.entries(this.#secrets)) {
        if (holds(text, secret)) this.found.add(`${name} in: ${text.replaceAll('\0', ' ').slice(0, 200)}`);
      }
    }
  }
}

/** The uncompressed content of all layers and the configuration of images, searched as one stream. */
export function leaksInImages(
  images: readonly string[],
  secrets: Readonly<Record<string, string>>,
  env: NodeJS.ProcessEnv,
): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'papergate-sentinels-'));
  try {
    const patterns = join(dir, 'patterns');
    writeFileSync(patterns, `${Object.values(secrets).flatMap(wrapped).join('\n')}\n`, { mode: 0o600 });
    const search = 'file=$1; shift; docker save "$@" | grep -a -c -F -f "$file" || true';
    const count = execFileSync('sh', ['-c', search, 'sh', patterns, ...images], { env, encoding: 'utf8' }).trim();
    return count === '0' ? [] : [`${count} lines of ${images.join(', ')}`];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
