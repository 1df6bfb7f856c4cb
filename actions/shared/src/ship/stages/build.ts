import { SERVICE_NAMES, UserError } from '@papergate/config';
import type { StageResult } from '../../evidence/index.ts';
import { checkSources, entryOf, makePrograms, providePackages, type Release } from '../../release/index.ts';
import { MIGRATE_ENTRY } from '../../deploy/plan.ts';

/** Makes the release runnable: its packages, a look at every source file that it will load, and its programs. */
export async function buildRelease(
  repository: string,
  release: Release,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (message: string) => void },
): Promise<StageResult> {
  const { dir, manifest } = release;
  onProgress('packages');
  const packages = await providePackages(repository, dir, { signal, onProgress });
  onProgress('reading every source file');
  const { files, problems } = await checkSources(dir, [...SERVICE_NAMES.map(entryOf), MIGRATE_ENTRY], signal);
  if (problems.length > 0) throw brokenSources(problems);
  onProgress('making the programs');
  const { programs, problem } = await makePrograms(release, signal);
  const made = Object.keys(programs).length;
  return {
    status: 'passed',
    checks: [
      { name: 'third-party packages', status: 'passed', observed: packages },
      { name: 'source files load', status: 'passed', observed: files, unit: 'files' },
      {
        name: 'services in one file each',
        status: 'passed',
        observed: made,
        ...(problem === undefined ? {} : { detail: `they run from their sources: ${problem}` }),
      },
      ...SERVICE_NAMES.map((name) => ({
        name: `artifact ${name}`,
        status: 'passed' as const,
        observed: manifest.services[name]?.digest ?? '',
      })),
    ],
    data: { manifest },
  };
}

export function brokenSources(problems: readonly { file: string; message: string }[]): UserError {
  return new UserError({
    code: 'BROKEN_SOURCE',
    message: `this commit cannot be loaded:${problems.map(({ file, message }) => `\n  ${file}: ${message}`).join('')}`,
    fix: 'mend the files that are named and commit',
  });
}
