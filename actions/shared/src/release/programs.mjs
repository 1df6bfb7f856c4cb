// Makes one file of what each service's own sources are, without their types: node programs.mjs '{"dir", "programs":
// [{"entry", "outfile"}]}'. Prints one JSON line: {} or {problem}. The bundler is the release's own, as in its images;
// packages stay where they are installed, so that only what would be loaded anyway is put together.
import { existsSync, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';

const { dir: given, programs } = JSON.parse(process.argv[2]);
const dir = realpathSync(given);

/** Where node would find a package from a file. */
function homeOf(specifier, from) {
  const [scope, name] = specifier.split('/');
  const pack = specifier.startsWith('@') ? `${scope}/${name}` : scope;
  const folders = createRequire(from).resolve.paths(pack) ?? [];
  return folders.map((folder) => join(folder, pack)).find((folder) => existsSync(folder));
}

/** What this says of a file's own place has to stay true when its code lies in another file. */
function ownPlace(text, path, outfile) {
  const address = JSON.stringify(relative(dirname(outfile), path).split(sep).join('/'));
  const url = `new URL(${address}, import.meta.url)`;
  const file = `process.getBuiltinModule('node:url').fileURLToPath(${url})`;
  return text.replaceAll(/\bimport\.meta\.(url|filename|dirname)\b/g, (_all, what) => {
    if (what === 'url') return `${url}.href`;
    return what === 'filename' ? file : `process.getBuiltinModule('node:path').dirname(${file})`;
  });
}

const plugin = (outfile) => ({
  name: 'own-sources',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path, importer, kind }) => {
      if (kind === 'entry-point' || path.startsWith('@papergate/')) return undefined;
      // A version that only one workspace has would not be found from the program: that one goes into it.
      const external = isBuiltin(path) || homeOf(path, importer) === homeOf(path, outfile);
      return external ? { path, external } : undefined;
    });
    onLoad({ filter: /\.m?ts$/ }, async ({ path }) => ({
      contents: ownPlace(await readFile(path, 'utf8'), path, outfile),
      loader: 'ts',
    }));
  },
});

async function main() {
  const { build } = createRequire(join(dir, 'package.json'))('esbuild');
  const options = {
    absWorkingDir: dir,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    keepNames: true,
    // For whoever wants the line of a source: NODE_OPTIONS=--enable-source-maps.
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'silent',
    // Of a package in CommonJS that goes into the program.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
    },
  };
  await Promise.all(
    programs.map(({ entry, outfile: name }) => {
      const outfile = join(dir, name);
      return build({ ...options, entryPoints: [join(dir, entry)], outfile, plugins: [plugin(outfile)] });
    }),
  );
}

try {
  await main();
  console.log('{}');
} catch (error) {
  console.log(JSON.stringify({ problem: error instanceof Error ? error.message.split('\n')[0] : String(error) }));
}
