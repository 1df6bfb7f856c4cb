import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROUTES } from '../routes/index.ts';
import { extract } from './extract.ts';
import type { Description, Extract } from './types.ts';

/** GitHub's own description, as octokit publishes it. */
export const SOURCE: Extract['from'] = {
  package: '@octokit/openapi',
  version: '23.0.2',
  integrity: 'sha512-pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==',
  file: 'generated/api.github.com.json',
};
export const EXTRACT = new URL('github.json', import.meta.url);

const exec = promisify(execFile);

/** Fetches the package, which npm holds to its integrity, and takes one file out of it. */
export async function download(): Promise<Description> {
  const folder = await mkdtemp(join(tmpdir(), 'papergate-openapi-'));
  try {
    const name = `${SOURCE.package}@${SOURCE.version}`;
    const { stdout } = await exec('npm', ['pack', name, '--json', '--prefer-offline', '--loglevel=error'], {
      cwd: folder,
    });
    const [packed] = JSON.parse(stdout) as { filename: string; integrity: string }[];
    if (packed === undefined || packed.integrity !== SOURCE.integrity) {
      throw new Error(`${name} has the integrity ${packed?.integrity}, not ${SOURCE.integrity}`);
    }
    await exec('tar', ['-xzf', packed.filename, `package/${SOURCE.file}`], { cwd: folder });
    return JSON.parse(await readFile(join(folder, 'package', SOURCE.file), 'utf8')) as Description;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export const madeOf = (whole: Description): Extract => ({
  from: SOURCE,
  ...extract(
    whole,
    ROUTES.map(({ route }) => route),
  ),
});

// `node actions/shared/src/github/fake/description/update.ts`, after a route was added or the version raised.
if (process.argv[1] === import.meta.filename) {
  await writeFile(EXTRACT, `${JSON.stringify(madeOf(await download()))}\n`);
}
