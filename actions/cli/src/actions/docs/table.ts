/** A table of Markdown as our formatter leaves it: columns of one width. Cells are Markdown themselves. */
export function alignedTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((row) =>
    row.map((cell) =>
      cell
        .replace(/\s+/g, ' ')
        .replace(/(?<!\\)\|/g, '\\|')
        .trim(),
    ),
  );
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => width(row[column] ?? ''))));
  const line = (cells: readonly string[], fill: string): string =>
    `| ${widths.map((wide, column) => padded(cells[column] ?? '', wide, fill)).join(' | ')} |`;
  const [first = [], ...rest] = all;
  return [line(first, ' '), line([], '-'), ...rest.map((row) => line(row, ' '))].join('\n');
}

const width = (text: string): number => Array.from(text).length;
const padded = (text: string, wide: number, fill: string): string => text + fill.repeat(wide - width(text));
