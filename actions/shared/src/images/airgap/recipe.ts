import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canonicalJson } from '../../release/manifest.ts';

export type BaseName = 'node' | 'postgres';

/** `compose/airgap/recipes.json`. */
export interface Recipes {
  /** Debian release, and where its packages come from. */
  suite: string;
  mirror: string;
  security_mirror: string;
  npm: { version: string; integrity: string };
  /** Paths that no container needs; `/` at the end: all below; `*`: anything but `/`. */
  leave_out: string[];
  images: Record<BaseName, { packages: string[]; config: Record<string, unknown> }>;
}

export const RECIPES_DIR = fileURLToPath(new URL('../../../../../compose/airgap/', import.meta.url));

export const readRecipes = (dir: string): Recipes =>
  JSON.parse(readFileSync(join(dir, 'recipes.json'), 'utf8')) as Recipes;

/** Changes whenever the code here would make another image of the same recipe. */
const FORMAT = 3;

/**
 * Name of what a recipe gives: of its packages, its configuration, the programs that are put in, the processor.
 * The versions that Debian's mirror has today do not count: an image that is there is used until it is asked anew.
 */
export function recipeKey(
  recipes: Recipes,
  name: BaseName,
  arch: string,
  added: Readonly<Record<string, string>>,
): string {
  const { images, npm, ...common } = recipes;
  const own = name === 'node' ? { npm } : {};
  const text = canonicalJson({ FORMAT, ...common, ...own, image: images[name], name, arch, added });
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** What `leave_out` means for a path without a leading slash. */
export function leftOut(patterns: readonly string[]): (path: string) => boolean {
  const sources = patterns.map((pattern) => {
    const literal = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*');
    return pattern.endsWith('/') ? `^${literal.slice(0, -1)}/.` : `^${literal}$`;
  });
  const expression = new RegExp(sources.join('|'));
  return (path) => sources.length > 0 && expression.test(path);
}
