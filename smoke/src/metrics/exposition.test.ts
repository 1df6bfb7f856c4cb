import { describe, expect, test } from '@jest/globals';
import { Counter, Gauge, Histogram, Registry, Summary } from 'prom-client';
import { parseExposition, total } from './exposition.ts';

const head = (name: string, type = 'counter') => `# HELP ${name} What it is\n# TYPE ${name} ${type}\n`;
const histogram = (lines: string) => `${head('h', 'histogram')}${lines}`;

describe('the exposition reader', () => {
  test('reads what prom-client writes, with labels that need escapes', async () => {
    const registry = new Registry();
    const labelNames = ['path'];
    new Counter({ name: 'c_total', help: 'a', labelNames, registers: [registry] }).inc({ path: 'a "b" \\ \n,}' }, 3);
    new Gauge({ name: 'g', help: 'b', registers: [registry] }).set(-1.5e-7);
    new Histogram({ name: 'h', help: 'c', labelNames, registers: [registry] }).observe({ path: 'x' }, 0.2);
    new Summary({ name: 's', help: 'd', registers: [registry] }).observe(1);
    const families = parseExposition(await registry.metrics());
    expect([...families.keys()]).toEqual(['c_total', 'g', 'h', 's']);
    expect(total(families.get('c_total'))).toBe(3);
    expect(total(families.get('h'))).toBe(1);
    expect(families.get('g')?.samples[0]?.value).toBe(-1.5e-7);
    expect(families.get('c_total')?.help).toBe('a');
  });

  test('takes infinities, times and blank lines', () => {
    const text = `${head('g', 'gauge')}\ng{a="1"} +Inf 1700000000000\ng{a="2"} NaN\n# a remark\ng{a="3",} -Inf\ng{a="4"} Nan\n`;
    expect(
      parseExposition(text)
        .get('g')
        ?.samples.map(({ value }) => value),
    ).toEqual([Infinity, Number.NaN, -Infinity, Number.NaN]);
  });

  test('counts nothing where a family is missing', () => {
    expect(total(parseExposition(head('x')).get('y'))).toBe(0);
  });

  test.each([
    ['a last line that does not end', `${head('x')}x 1`, /does not end/],
    ['a sample without HELP and TYPE', 'x 1\n', /no HELP and TYPE/],
    ['a sample without HELP', '# TYPE x counter\nx 1\n', /lacks HELP/],
    ['a sample without TYPE', '# HELP x y\nx 1\n', /lacks TYPE/],
    ['a sample under another family', `${head('x')}y 1\n`, /y has no HELP/],
    ['a family in two places', `${head('x')}x 1\n${head('y')}y 1\n# HELP x again\n`, /two places/],
    ['a TYPE after samples', `${head('x')}x 1\n# TYPE x counter\n`, /after its samples/],
    ['an unknown type', '# HELP x y\n# TYPE x clock\nx 1\n', /no type/],
    ['a bad name', '# HELP 1x y\n', /no metric name/],
    ['no value', `${head('x')}x\n`, /no sample/],
    ['a value that is no number', `${head('x')}x fast\n`, /no value/],
    ['a hexadecimal value', `${head('x')}x 0x10\n`, /no value/],
    ['a label without quotes', `${head('x')}x{a=1} 1\n`, /no label/],
    ['a label that does not end', `${head('x')}x{a="1} 1\n`, /no label|no sample/],
    ['a label that is there twice', `${head('x')}x{a="1",a="2"} 1\n`, /twice/],
    ['a series that is there twice', `${head('x')}x{a="1",b="2"} 1\nx{b="2",a="1"} 1\n`, /twice/],
    ['a negative counter', `${head('x')}x -1\n`, /counter x is -1/],
    ['a counter that is no number', `${head('x')}x NaN\n`, /counter x is NaN/],
    ['buckets that shrink', histogram('h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n'), /shrink/],
    ['no +Inf bucket', histogram('h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n'), /no \+Inf/],
    ['a count beside the buckets', histogram('h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n'), /not its count/],
    ['a bucket without le', histogram('h_bucket 1\nh_sum 1\nh_count 1\n'), /no le/],
    ['a bucket with le as text', histogram('h_bucket{le="much"} 1\nh_sum 1\nh_count 1\n'), /le is "much"/],
  ])('refuses %s', (_title, text, message) => {
    expect(() => parseExposition(text)).toThrow(message);
  });
});
