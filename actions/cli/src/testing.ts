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
