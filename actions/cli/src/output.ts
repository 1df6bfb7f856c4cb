import { stripVTControlCharacters } from 'node:util';

/** Where a command writes. `isLive`: a terminal that takes moving lines and colours. */
export interface Output {
  isLive: boolean;
  columns(): number;
  out(text: string): void;
  /** To stdout as it is, without an end of line. */
  raw(text: string): void;
  err(text: string): void;
}

interface Stream {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

/** CI=true, a pipe, or TERM=dumb: plain lines. */
export function makeOutput(stdout: Stream, stderr: Stream, env: Readonly<Record<string, string | undefined>>): Output {
  return {
    isLive: stdout.isTTY === true && env['CI'] !== 'true' && env['TERM'] !== 'dumb' && env['NO_COLOR'] === undefined,
    columns: () => stdout.columns ?? 80,
    out: (text) => void stdout.write(`${text}\n`),
    raw: (text) => void stdout.write(text),
    err: (text) => void stderr.write(`${text}\n`),
  };
}

/** Columns padded to their widest cell; the last one is left as it is. */
export function table(rows: string[][]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, stripVTControlCharacters(cell).length)));
  }
  return rows
    .map((row) =>
      row
        .map((cell, index) =>
          index === row.length - 1
            ? cell
            : cell + ' '.repeat((widths[index] ?? 0) - stripVTControlCharacters(cell).length),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
