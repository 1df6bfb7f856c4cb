import type { EnvSource } from '@papergate/config';
import type { Home, ShipStages } from '@papergate/delivery';
import type { Ask } from './confirm.ts';
import type { Interrupts } from './interrupts.ts';
import type { Output } from './output.ts';

/** What every command works with; made once, in `main.ts`. */
export interface CommandContext {
  /** The checkout that this command belongs to. */
  repository: string;
  env: EnvSource;
  output: Output;
  interrupts: Interrupts;
  /** The state folder, made when it is first asked for. */
  home(): Home;
  stages: ShipStages;
  /** Asks the person at the terminal; undefined where there is none. */
  ask?: Ask | undefined;
  /** What the process ends with. */
  setExitCode(code: number): void;
}
