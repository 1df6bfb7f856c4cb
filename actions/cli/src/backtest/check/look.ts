import { loadSystemConfig, UserError, type Environment } from '@papergate/config';
import { Engine, loadStrategies } from '@papergate/signal-bridge/backtest';

/** A strategy that signal-bridge would not start with. */
export interface StrategyProblem {
  code: string;
  message: string;
  fix: string;
}

/** A line of the process that looks: which strategy it turns to, and what is wrong with it. */
export type LookLine = { at: string } | { problem: StrategyProblem } | { end: true };

const nothing = (): void => undefined;
const QUIET = {
  bar: nothing,
  signal: nothing,
  suppressed: nothing,
  late: nothing,
  reset: nothing,
  failed: nothing,
  slow: nothing,
};

/**
 * Does what signal-bridge does with the strategies of a configuration before the first tick: loads each plug-in, holds its
 * parameters to its own schema and `check`, and creates it for every symbol. It runs their code.
 */
export async function lookAtStrategies(
  { configDir, environment, folder }: { configDir: string; environment: Environment; folder: string },
  tell: (line: LookLine) => void,
): Promise<void> {
  for (const config of loadSystemConfig(configDir, environment).strategies) {
    tell({ at: config.name });
    try {
      const strategies = await loadStrategies([config], { folder });
      // Whatever is wrong with creating it is thrown here.
      void new Engine({ strategies, events: QUIET });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const { code, message, fix = 'mend it' } = error;
      tell({ problem: { code, message, fix } });
    }
  }
  tell({ end: true });
}
