import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ToolPin } from './pins.ts';
import { runProgram } from './run.ts';
import { onPath } from './version.ts';

export interface GoBuildOptions {
  pin: ToolPin;
  /** Which package of which module of the checkout. */
  go: NonNullable<ToolPin['go']>;
  /** Root of the checkout or release that holds the pinned module. */
  root: string;
  /** An empty folder to work in. */
  dir: string;
  env: Readonly<Record<string, string | undefined>>;
  onProgress: (message: string) => void;
  signal: AbortSignal;
}

/**
 * Builds the tool with Go from the module that pins it. Not `go install path@version`: that asks the module proxy
 * for the list of versions first, which not every proxy has.
 * @returns the path of the program
 * @throws Error whose message says what went wrong, for the list of what was tried
 */
export async function goBuild({
  pin,
  go: source,
  root,
  dir,
  env,
  onProgress,
  signal,
}: GoBuildOptions): Promise<string> {
  const [go] = await onPath('go', env['PATH']);
  if (go === undefined) throw new Error('go is not on the PATH');
  // A copy: Go may want to write beside go.mod, and a release is not to be changed.
  const module = join(dir, 'module');
  await mkdir(module);
  for (const file of ['go.mod', 'go.sum']) await cp(join(root, source.module, file), join(module, file));

  const program = join(dir, pin.name);
  onProgress(`building ${pin.name} ${pin.version} with go, once (a few minutes)`);
  const result = await runProgram({
    command: go,
    args: ['build', '-mod=readonly', '-trimpath', '-o', program, source.package],
    cwd: module,
    env: { ...env, GOFLAGS: '-buildvcs=false' },
    onLine: (line) => {
      if (line.startsWith('go: downloading')) onProgress(`${pin.name}: ${line.slice(4)}`);
    },
    signal,
  });
  if (result.code !== 0) {
    const problems = result.stderrTail.filter((line) => !line.startsWith('go: downloading'));
    throw new Error(`go build of ${source.package} failed: ${problems.slice(-3).join(' ')}`);
  }
  return program;
}
