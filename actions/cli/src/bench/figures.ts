import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';

/** One line of JSON that a benchmark prints for each figure. The ceiling was measured in the same run. */
export const FigureSchema = Type.Object({
  name: Type.String({ minLength: 1 }),
  value: Type.Number({ exclusiveMinimum: 0 }),
  unit: Type.String({ minLength: 1 }),
  ceiling: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  ceiling_name: Type.Optional(Type.String()),
  note: Type.Optional(Type.String()),
});
export type Figure = Static<typeof FigureSchema>;

/** The figures in a benchmark's output; other lines are its progress. */
export function readFigures(output: string): Figure[] {
  return output.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    try {
      const value: unknown = JSON.parse(line);
      return Value.Check(FigureSchema, value) ? [value] : [];
    } catch {
      return [];
    }
  });
}

const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 4 });

/** The table of `npm run bench`, in Markdown so that it can be pasted where it is quoted. */
export function figureTable(figures: Figure[]): string {
  const rows = figures.map((figure) => [
    figure.name,
    `${number.format(figure.value)} ${figure.unit}`,
    figure.ceiling === undefined ? '–' : `${number.format(figure.ceiling)} ${figure.unit}`,
    figure.ceiling === undefined ? '–' : `${Math.round((100 * figure.value) / figure.ceiling)} %`,
    [figure.ceiling_name, figure.note].filter((text) => text !== undefined).join('; '),
  ]);
  const table = [
    ['figure', 'measured', 'ceiling', 'of it', 'what the ceiling is'],
    ['---', '---:', '---:', '---:', '---'],
    ...rows,
  ];
  return table.map((row) => `| ${row.join(' | ')} |`).join('\n');
}
