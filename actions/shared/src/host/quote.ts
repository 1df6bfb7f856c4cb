/**
 * One argument for a POSIX shell (POSIX.1-2017, 2.2.2): in single quotes nothing has a meaning but the single quote.
 * @throws TypeError where the text holds a NUL, which no argument can carry
 */
export function shellQuote(text: string): string {
  if (text.includes('\0')) throw new TypeError('an argument holds a NUL character');
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A command and its arguments as one line for a shell that runs exactly that. */
export const shellCommand = (words: readonly string[]): string => words.map(shellQuote).join(' ');
