import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ActionContext, InputsOf } from '@papergate/delivery';
import type { INPUTS } from './inputs.ts';

/** What the inputs name: a manifest, or the release of a commit. */
export function wantedOf(
  { manifest, sha }: Pick<InputsOf<typeof INPUTS>, 'manifest' | 'sha'>,
  context: Pick<ActionContext, 'workspace' | 'sha'>,
  registry: string,
): { manifest: string } | { sha: string; registry: string } {
  if (manifest === undefined) return { sha: sha ?? context.sha, registry };
  const path = resolve(context.workspace, manifest);
  return { manifest: existsSync(path) ? path : manifest };
}
