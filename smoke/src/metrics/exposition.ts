/**
 * The Prometheus text format 0.0.4, read strictly: a scraper that is lenient today is not tomorrow.
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export interface Sample {
  name: string;
  labels: ReadonlyMap<string, string>;
  value: number;
}

export interface Family {
  name: string;
  type: string;
  help: string;
  samples: Sample[];
}

export class ExpositionError extends Error {
  constructor(line: number, what: string) {
    super(`line ${line}: ${what}`);
  }
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
};
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?[ \t]+(\S+)(?:[ \t]+(-?\d+))?$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/;

/**
 * @returns families by name, each with help, type and samples
 * @throws ExpositionError with the line, where the text is not valid or a family is not declared
 */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new ExpositionError(text.split('\n').length, 'the last line does not end');
  const families = new Map<string, Family>();
  const series = new Set<string>();
  let current: Family | undefined;

  for (const [index, line] of text.slice(0, -1).split('\n').entries()) {
    const fail = (what: string) => new ExpositionError(index + 1, what);
    if (line === '') continue;
    if (line.startsWith('#')) {
      const [, keyword, name = '', ...rest] = line.split(' ');
      if (keyword !== 'HELP' && keyword !== 'TYPE') continue;
      if (!NAME.test(name)) throw fail(`"${name}" is no metric name`);
      const known = families.get(name);
      if (known !== undefined && known !== current) throw fail(`${name} is declared in two places`);
      current = known ?? { name, type: '', help: '', samples: [] };
      families.set(name, current);
      if (current.samples.length > 0) throw fail(`${keyword} of ${name} comes after its samples`);
      if (keyword === 'HELP') current.help = rest.join(' ');
      else current.type = typeOf(rest.join(' '), fail);
      continue;
    }
    const sample = parseSample(line, fail);
    if (current === undefined || !belongs(sample.name, current))
      throw fail(`${sample.name} has no HELP and TYPE above it`);
    if (current.type === '' || current.help === '')
      throw fail(`${current.name} lacks ${current.type === '' ? 'TYPE' : 'HELP'}`);
    const key = `${sample.name}{${labelKey([...sample.labels])}}`;
    if (series.has(key)) throw fail(`${sample.name} is there twice with the same labels`);
    series.add(key);
    if (current.type === 'counter' && !(sample.value >= 0)) throw fail(`the counter ${sample.name} is ${sample.value}`);
    current.samples.push(sample);
  }
  for (const family of families.values()) if (family.type === 'histogram') checkHistogram(family);
  return families;
}

function typeOf(text: string, fail: (what: string) => Error): string {
  if (TYPES.includes(text)) return text;
  throw fail(`"${text}" is no type of metric`);
}

function belongs(name: string, family: Family): boolean {
  return (SUFFIXES[family.type] ?? ['']).some((suffix) => name === `${family.name}${suffix}`);
}

function parseSample(line: string, fail: (what: string) => Error): Sample {
  const match = SAMPLE.exec(line);
  if (match === null) throw fail(`"${line.slice(0, 80)}" is no sample`);
  return { name: match[1] ?? '', labels: parseLabels(match[2] ?? '', fail), value: parseValue(match[3] ?? '', fail) };
}

/** The same text for the same labels in whatever order. */
function labelKey(labels: ReadonlyArray<readonly [string, string]>): string {
  return labels
    .map(([name, value]) => `${name}="${value}"`)
    .sort((a, b) => (a < b ? -1 : 1))
    .join(',');
}

function parseLabels(text: string, fail: (what: string) => Error): Map<string, string> {
  const labels = new Map<string, string>();
  for (let rest = text; rest !== '';) {
    const match = LABEL.exec(rest);
    if (match === null) throw fail(`"${rest.slice(0, 60)}" is no label`);
    const [whole, name = '', value = ''] = match;
    if (labels.has(name)) throw fail(`the label ${name} is there twice`);
    labels.set(name, value);
    rest = rest.slice(whole.length);
  }
  return labels;
}

function parseValue(text: string, fail: (what: string) => Error): number {
  // prom-client writes Nan; Prometheus reads it in whatever case, as Go's ParseFloat does.
  if (/^nan$/i.test(text)) return Number.NaN;
  if (text === '+Inf' || text === 'Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text);
  throw fail(`"${text}" is no value`);
}

/** Buckets grow with `le`, end in +Inf, and the last one is the count. */
function checkHistogram(family: Family): void {
  const fail = (what: string) => new Error(`histogram ${family.name}: ${what}`);
  const counts = new Map<string, number>();
  const buckets = new Map<string, Array<{ le: number; value: number }>>();
  for (const { name, labels, value } of family.samples) {
    const key = labelKey([...labels].filter(([label]) => label !== 'le'));
    if (name.endsWith('_count')) counts.set(key, value);
    if (!name.endsWith('_bucket')) continue;
    const le = labels.get('le');
    if (le === undefined) throw fail('a bucket has no le');
    const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
    if (Number.isNaN(bound)) throw fail(`le is "${le}"`);
    buckets.set(key, [...(buckets.get(key) ?? []), { le: bound, value }]);
  }
  for (const [key, list] of buckets) {
    list.sort((a, b) => a.le - b.le);
    if (list.some((bucket, i) => i > 0 && bucket.value < (list[i - 1]?.value ?? 0))) throw fail('its buckets shrink');
    const last = list.at(-1);
    if (last?.le !== Number.POSITIVE_INFINITY) throw fail('it has no +Inf bucket');
    if (last.value !== counts.get(key)) throw fail('its +Inf bucket is not its count');
  }
}

/** The sum of all series of a counter, or of a histogram's counts; 0 where there are none. */
export function total(family: Family | undefined): number {
  if (family === undefined) return 0;
  const counted =
    family.type === 'histogram' ? family.samples.filter(({ name }) => name.endsWith('_count')) : family.samples;
  return counted.reduce((sum, { value }) => sum + value, 0);
}
