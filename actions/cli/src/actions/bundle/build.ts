import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { licencesOf } from './licences.ts';
import { BANNER, leaveOutUnused, packagesOfCheckout, sourceUrls } from './plugins.ts';

export interface Bundle {
  action: string;
  bytes: number;
  /** What it is made of, largest first: path and bytes in the bundle. */
  parts: { path: string; bytes: number }[];
}

const LICENCES = 'LICENSES.txt';

export const distOf = (root: string, action: string): string => join(root, 'actions', action, 'dist');

/**
 * One action's `dist`: index.cjs, and the licences of what is in it beside it. The same sources and packages give the
 * same bytes, wherever it is written to.
 * @param into the folder to fill; what was in it is removed
 */
export async function bundleAction(root: string, action: string, into = distOf(root, action)): Promise<Bundle> {
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [join('actions', action, 'src', 'main.ts')],
    outfile: join(into, 'index.cjs'),
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    charset: 'utf8',
    minifyWhitespace: true,
    minifySyntax: true,
    // A third of the size. Stacks keep the names that matter.
    minifyIdentifiers: true,
    // The name of an error's class is part of what it says.
    keepNames: true,
    legalComments: 'external',
    lineLimit: 200,
    banner: { js: BANNER },
    plugins: [packagesOfCheckout(root), leaveOutUnused(), sourceUrls(root, distOf(root, action))],
    logLevel: 'silent',
    logOverride: { 'empty-import-meta': 'error' },
    metafile: true,
  });
  const [output] = Object.entries(metafile.outputs).filter(([path]) => path.endsWith('index.cjs'));
  const parts = Object.entries(output?.[1].inputs ?? {})
    .map(([path, { bytesInOutput }]) => ({ path, bytes: bytesInOutput }))
    .filter(({ bytes }) => bytes > 0)
    .toSorted((a, b) => b.bytes - a.bytes);
  writeFileSync(
    join(into, LICENCES),
    licencesOf(
      root,
      parts.map(({ path }) => path),
    ),
  );
  return { action, bytes: output?.[1].bytes ?? 0, parts };
}

/** What a fresh bundle has otherwise than the committed one, file by file; empty where they are the same. */
export async function staleFiles(root: string, action: string): Promise<string[]> {
  const fresh = mkdtempSync(join(tmpdir(), 'papergate-dist-'));
  try {
    await bundleAction(root, action, fresh);
    return differences(distOf(root, action), fresh);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

function differences(committed: string, fresh: string): string[] {
  const [was, is] = [filesOf(committed), filesOf(fresh)];
  return [...new Set([...was.keys(), ...is.keys()])].toSorted().flatMap((name) => {
    const [before, after] = [was.get(name), is.get(name)];
    if (before === undefined) return [`dist/${name} is missing`];
    if (after === undefined) return [`dist/${name} is left over`];
    return before.equals(after) ? [] : [`dist/${name} was built from other sources`];
  });
}

function filesOf(folder: string): Map<string, Buffer> {
  try {
    return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));
  } catch {
    return new Map();
  }
}
