/** A piece of a line: text is shown as it is, whatever it holds. */
export type Inline = string | number | { code: string } | { bold: string } | { text: string; link: string };

/** Text that GitHub shows letter by letter: nothing in it is markup, and it stays on its line. */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/[\\`*_{}[\]()#+!|~$]/g, '\\$&')
    .replace(/^(\s*)([-=])/, '$1\\$2')
    .replace(/^(\s*\d+)\./, '$1\\.')
    .replace(/@(?=\w)/g, '@\u200b')
    .replace(/\r\n|\r|\n/g, '<br>');
}

export function inline(piece: Inline): string {
  if (typeof piece === 'string') return escapeMarkdown(piece);
  if (typeof piece === 'number') return String(piece);
  if ('code' in piece) return codeSpan(piece.code);
  if ('bold' in piece) return piece.bold === '' ? '' : `**${escapeMarkdown(piece.bold)}**`;
  // Only what leads to a web page is a link; anything else is shown as text.
  if (!/^https?:\/\//.test(piece.link)) return escapeMarkdown(piece.text);
  return `[${escapeMarkdown(piece.text)}](<${piece.link.replace(/[<>\s]/g, (found) => encodeURIComponent(found))}>)`;
}

/** HTML rather than backticks: a bar or a backtick in it would end a cell of a table or the span. */
const codeSpan = (text: string): string => (text === '' ? '' : `<code>${escapeMarkdown(text)}</code>`);

export function table(head: readonly string[], rows: readonly (readonly Inline[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(head.map((cell) => escapeMarkdown(cell))),
    line(head.map(() => '---')),
    ...rows.map((row) => line(head.map((_, column) => inline(row[column] ?? '')))),
  ].join('\n');
}

/** A fence that is longer than any in the text. */
export function codeBlock(text: string, language = ''): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language.replace(/[^\w+-]/g, '')}\n${text.replace(/\n$/, '')}\n${fence}`;
}
