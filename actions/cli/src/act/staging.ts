import { fileURLToPath } from 'node:url';
import type { EnvSource } from '@papergate/config';
import { machineEnvironment, run } from '@papergate/delivery';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

/** Takes down the process staging that runs below `home`, whoever started it; nothing happens where none does. */
export async function stopStaging({ home, env }: { home: string; env: EnvSource }): Promise<void> {
  await run(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, 'stop'], {
    cwd: fileURLToPath(new URL('../../../..', import.meta.url)),
    env: { ...machineEnvironment(env), PAPERGATE_HOME: home },
  });
}
