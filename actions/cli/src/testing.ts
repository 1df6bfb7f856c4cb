import type { CommandContext } from './context.ts';
import { homeOf, INSTALLED_STAGES, makeHome } from '@papergate/delivery';

export interface TestContext {
  context: CommandContext;
  out: string[];
  err: string[];
  exitCode(): number | undefined;
  interrupt(): void;
}

/** A command's surroundings with a state folder of the test's own; what is written is kept. */
export function testContext(home: string, change: Partial<CommandContext> = {}): TestContext {
  const out: string[] = [];
  const err: string[] = [];
  const stop = new AbortController();
  let exitCode: number | undefined;
  return {
    out,
    err,
    exitCode: () => exitCode,
    interrupt: () => stop.abort(new Error('interrupted')),
    context: {
      repository: home,
      env: {},
      output: {
        isLive: false,
        columns: () => 80,
        out: (text) => out.push(text),
        raw: (text) => out.push(text),
        err: (text) => err.push(text),
      },
      interrupts: { stop: stop.signal, hurry: new AbortController().signal, release: () => {} },
      home: () => makeHome(homeOf('', home)),
      stages: INSTALLED_STAGES,
      setExitCode: (code) => {
        exitCode = code;
      },
      ...change,
    },
  };
}

/**
 * `loadtests/plan.json` with another length of the quick profile: the suites as they are, at their rates, for tests
 * of what starts them and reads them. Their figures are of no use then.
 */
export function shortLoad(text: string): string {
  const plan = JSON.parse(text) as { profiles: Record<string, { warmup_s: number; main_s: number }> };
  plan.profiles['quick'] = { warmup_s: 1, main_s: 4 };
  return JSON.stringify(plan, null, 2);
}
