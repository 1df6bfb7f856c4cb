import { createInterface } from 'node:readline/promises';
import { UserError } from '@papergate/config';
import type { CommandContext } from './context.ts';

/** Asks on the terminal that a person sits at; undefined where none does. */
export type Ask = (question: string) => Promise<string>;

export function makeAsk(stdin: NodeJS.ReadStream, stderr: NodeJS.WriteStream, signal: AbortSignal): Ask | undefined {
  if (!stdin.isTTY || !stderr.isTTY) return undefined;
  return async (question) => {
    const lines = createInterface({ input: stdin, output: stderr });
    try {
      return await lines.question(question, { signal });
    } finally {
      lines.close();
    }
  };
}

/**
 * Goes on only where somebody said so: `--yes`, or the word `yes` on a terminal.
 * @throws UserError NOT_CONFIRMED naming what would be lost
 */
export async function confirmed(what: string, yes: boolean, { ask }: Pick<CommandContext, 'ask'>): Promise<void> {
  if (yes) return;
  if (ask !== undefined && (await ask(`${what}\nType "yes" to go on: `)).trim() === 'yes') return;
  throw new UserError({
    code: 'NOT_CONFIRMED',
    message: `${what}, and nobody confirmed it; nothing was done`,
    fix: ask === undefined ? 'add --yes where that is what you want' : 'type "yes", or add --yes',
  });
}
