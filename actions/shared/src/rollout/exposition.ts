/** One series of a scrape. */
export interface Sample {
  name: string;
  labels: ReadonlyMap<string, string>;
  value: number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

/**
 * Reads what a service's `/metrics` says (https://prometheus.io/docs/instrumenting/exposition_formats/).
 * @throws Error where a line is none of it: half an answer must not pass for a quiet one
 */
export function parseMetrics(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels = '', number = ''] = LINE.exec(line) ?? [];
      const value = valueOf(number);
      if (name === undefined || value === undefined) throw new Error(`no line of metrics: ${line.slice(0, 100)}`);
      const pairs = [...labels.matchAll(LABEL)].map(([, key = '', found = '']) => [key, unescaped(found)] as const);
      return { name, labels: new Map(pairs), value };
    });
}

const unescaped = (text: string): string =>
  text.replaceAll(/\\(.)/g, (_whole, sign: string) => (sign === 'n' ? '\n' : sign));

function valueOf(text: string): number | undefined {
  const infinite = /^([+-]?)Inf$/.exec(text);
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
  if (text === 'NaN') return Number.NaN;
  const value = Number(text);
  return text === '' || Number.isNaN(value) ? undefined : value;
}

/** Sum over all series of a name; undefined where there is none. */
export function sumOf(
  samples: readonly Sample[],
  name: string,
  wanted: (labels: Sample['labels']) => boolean = () => true,
): number | undefined {
  const found = samples.filter((sample) => sample.name === name && wanted(sample.labels));
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
}
