import { stripTypeScriptTypes } from 'node:module';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { docker } from './docker.ts';

/** How an image differs from the good one that it is made of; all of it in one layer, in a second. */
export interface ThinChange {
  /** Path in the image, absolute, to text; folders are made. In what is to be `.js` types are taken out. */
  files?: Readonly<Record<string, string>>;
  /** Of these files; 0644 without it. */
  mode?: number;
  /** Dockerfile instructions that change the configuration alone: `ENTRYPOINT ["node"]`, `LABEL a=b`. */
  change?: readonly string[];
}

export interface ThinImage {
  repository: string;
  digest: string;
}

/** Makes an image on top of another without a build, pushes it, and gives the digest that the registry has. */
export function thinImage(
  base: string,
  repository: string,
  tag: string,
  { files = {}, mode = 0o644, change = [] }: ThinChange,
): ThinImage {
  const dir = mkdtempSync(join(tmpdir(), 'papergate-thin-'));
  const container = docker('create', '--pull', 'missing', base);
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(dir, 'root', dirname(path)), { recursive: true, mode: 0o755 });
      const content = path.endsWith('.js') ? stripTypeScriptTypes(text) : text;
      writeFileSync(join(dir, 'root', path), content, { mode });
    }
    // One copy of a whole tree: with a file at a time docker cp wants the folders to be there.
    if (Object.keys(files).length > 0) docker('cp', `${join(dir, 'root')}/.`, `${container}:/`);
    const name = `${repository}:${tag}`;
    docker('commit', ...change.flatMap((instruction) => ['--change', instruction]), container, name);
    docker('push', '-q', name);
    const digest = JSON.parse(docker('inspect', '--format', '{{json .RepoDigests}}', name)) as string[];
    const own = digest.find((entry) => entry.startsWith(`${repository}@`));
    if (own === undefined) throw new Error(`${name} has no digest of ${repository}: ${digest.join(', ')}`);
    docker('rmi', name);
    return { repository, digest: own.slice(own.indexOf('@') + 1) };
  } finally {
    docker('rm', '-f', container);
    rmSync(dir, { recursive: true, force: true });
  }
}
