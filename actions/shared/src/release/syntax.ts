import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ExternalError } from '@papergate/config';
import { run } from '../process/run.ts';

export interface SyntaxReport {
  /** Files that were read. */
  files: number;
  problems: { file: string; message: string }[];
}

/** Parses and resolves everything that the entries import, in a process of its own, without running any of it. */
export async function checkSources(release: string, entries: string[], signal?: AbortSignal): Promise<SyntaxReport> {
  const checker = fileURLToPath(new URL('syntax.mjs', import.meta.url));
  const { code, stdout, stderr } = await run(
    process.execPath,
    ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', checker, ...entries],
    { cwd: release, signal },
  );
  if (code !== 0) {
    throw new ExternalError({
      code: 'SYNTAX_CHECK_BROKE',
      message: `the syntax check itself ended with ${code}: ${stderr.trim().split('\n').slice(-3).join(' | ')}`,
      fix: 'report this with the run’s folder',
    });
  }
  const report = JSON.parse(stdout) as SyntaxReport;
  return {
    files: report.files,
    problems: report.problems.map(({ file, message }) => ({ file: relative(release, file), message })),
  };
}
