import { join } from 'node:path';
import { UserError } from '@papergate/config';
import type { Home } from '../../home/index.ts';
import { makeRelease, resolveCommit, type Manifest } from '../../release/index.ts';
import type { ReleaseSource } from '../../targets/compose/options.ts';

/**
 * Where a manifest's own files are: the tree of its commit, out of this checkout's history.
 * @throws UserError UNKNOWN_COMMIT, CONFIG_CHANGED
 */
export async function sourceOf(
  { repository, home, signal }: { repository: string; home: Home; signal: AbortSignal },
  manifest: Manifest,
): Promise<ReleaseSource & { dir: string }> {
  const { sha } = await resolveCommit(repository, manifest.commit, signal);
  const { dir, manifest: own } = await makeRelease(repository, home.releases, sha, signal);
  if (own.config_digest !== manifest.config_digest || own.schema_version !== manifest.schema_version) {
    throw new UserError({
      code: 'RELEASE_CHANGED',
      message: `the manifest ${manifest.digest} is not of commit ${sha}: configuration ${manifest.config_digest} and schema ${manifest.schema_version} there, ${own.config_digest} and ${own.schema_version} in the commit`,
      fix: 'push the release of this commit again: papergate ship',
    });
  }
  return { dir, configDir: join(dir, 'config'), composeDir: join(dir, 'compose') };
}
