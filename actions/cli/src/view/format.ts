export { duration } from '@papergate/delivery';

/** A bar of `width` cells; eighths of a cell make it move smoothly. */
export function bar(fraction: number, width: number): string {
  const eighths = Math.round(Math.max(0, Math.min(1, fraction)) * width * 8);
  const full = '█'.repeat(Math.floor(eighths / 8));
  const part = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8] ?? '';
  return (full + part).padEnd(width, '░');
}

/** Text cut to a number of columns. */
export function clip(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}

export const style = {
  dim: (text: string): string => `\u001b[2m${text}\u001b[22m`,
  bold: (text: string): string => `\u001b[1m${text}\u001b[22m`,
  green: (text: string): string => `\u001b[32m${text}\u001b[39m`,
  red: (text: string): string => `\u001b[31m${text}\u001b[39m`,
  yellow: (text: string): string => `\u001b[33m${text}\u001b[39m`,
  cyan: (text: string): string => `\u001b[36m${text}\u001b[39m`,
};
