// Makes one file of each program: node bundle.mjs APP OUT. APP holds the sources and node_modules.
// A service then starts with a quarter of the work: nothing has to be looked up, and no types to be taken out.
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';

const [app = '.', out = ''] = process.argv.slice(2).map((path) => resolve(path));
const { build } = createRequire(join(app, 'node_modules', 'esbuild', 'package.json'))('esbuild');

/** Loaded from node_modules as they are: a native addon, and what reads files that lie beside its code. */
const EXTERNAL = ['zeromq', '@fastify/swagger-ui', 'pg-native'];

/** So that packages in CommonJS find what they expect. */
const BANNER = [
  "import { createRequire as __createRequire } from 'node:module';",
  'const require = __createRequire(import.meta.url);',
].join('\n');

/** `import.meta.url` of a source stays the address that it has in the tree, seen from where the bundle lies. */
const ownUrls = (outfile) => ({
  name: 'own-urls',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const address = JSON.stringify(relative(dirname(outfile), path));
      return {
        contents: text.replaceAll('import.meta.url', `new URL(${address}, import.meta.url).href`),
        loader: 'ts',
      };
    });
  },
});

function bundle(entry, folder) {
  const source = join(app, `${entry}.ts`);
  return build({
    entryPoints: [source],
    outfile: join(folder, `${entry}.js`),
    absWorkingDir: app,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    external: EXTERNAL,
    keepNames: true,
    legalComments: 'none',
    banner: { js: BANNER },
    plugins: [ownUrls(source)],
    logLevel: 'warning',
  });
}

const services = readdirSync(join(app, 'services')).filter((name) =>
  existsSync(join(app, 'services', name, 'src/main.ts')),
);
/** Plug-ins are loaded by name at start, so each is a program of its own; one that is JavaScript is copied as it is. */
const STRATEGIES = 'services/signal-bridge/strategies';
const strategies = (existsSync(join(app, STRATEGIES)) ? readdirSync(join(app, STRATEGIES)) : [])
  .filter((name) => name.endsWith('.ts') && !/\.(test|d)\.ts$/.test(name))
  .map((name) => `${STRATEGIES}/${name.slice(0, -'.ts'.length)}`);
await Promise.all([
  ...['services/shared/src/health', 'services/shared/src/migrate', 'smoke/src/main'].map((entry) =>
    bundle(entry, join(out, 'shared/app')),
  ),
  ...strategies.map((entry) => bundle(entry, join(out, 'services/signal-bridge/app'))),
  ...services.map((name) => bundle(`services/${name}/src/main`, join(out, 'services', name, 'app'))),
]);
