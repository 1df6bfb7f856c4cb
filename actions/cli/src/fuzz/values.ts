import fc, { type Arbitrary } from 'fast-check';
import type { Schema } from './document.ts';

/** A value as a schema wants it. */
export function fitting(schema: Schema): Arbitrary<unknown> {
  const { anyOf, oneOf, const: only } = schema;
  const choices = anyOf ?? oneOf;
  if (choices !== undefined) return fc.oneof(...choices.map(fitting));
  if (only !== undefined) return fc.constant(only);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case 'object':
      return object(schema);
    case 'array':
      return fc.array(fitting(schema.items ?? {}), { minLength: schema.minItems ?? 0, maxLength: 5 });
    case 'integer':
      return fc.integer(bounds(schema));
    case 'number': {
      const { min, max } = bounds(schema);
      return fc.double({ min, max, noNaN: true, noDefaultInfinity: true });
    }
    case 'boolean':
      return fc.boolean();
    case 'string':
      return text(schema);
    default:
      return fc.jsonValue();
  }
}

function object({ properties = {}, required = [] }: Schema): Arbitrary<unknown> {
  const fields = Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, fitting(schema)]));
  return fc.record(fields, { requiredKeys: required.filter((name) => name in fields) });
}

function bounds({ minimum, maximum, exclusiveMinimum }: Schema): { min: number; max: number } {
  const min = minimum ?? (exclusiveMinimum === undefined ? -1_000 : exclusiveMinimum + 1);
  return { min, max: maximum ?? Math.max(min, 1_000) };
}

function text({ pattern, minLength = 0, maxLength = 40 }: Schema): Arbitrary<string> {
  const cut = Math.min(maxLength, 200);
  if (pattern === undefined) return fc.string({ minLength, maxLength: Math.max(minLength, cut) });
  return fc.stringMatching(new RegExp(pattern)).map((found) => found.slice(0, Math.max(minLength, cut)));
}

/** What programs trip over, wherever a value is expected. */
export const HOSTILE: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  -0.0000000001,
  1e308,
  -1e308,
  Number.MAX_SAFE_INTEGER + 2,
  '',
  ' ',
  'NaN',
  '-Infinity',
  '1e400',
  '0x10',
  '١٢٣',
  '0.0000000000000000000000000000000000001',
  '9'.repeat(400),
  '\u0000',
  '\ud800',
  '𝕏'.repeat(100),
  '../../etc/passwd',
  "'; DROP TABLE orders; --",
  '{{constructor}}',
  '9999-12-31T23:59:60Z',
  '-271822-04-20T00:00:00Z',
  [],
  [[[[[[[[]]]]]]]],
  {},
  { constructor: { prototype: { admin: true } } },
  { toString: null, valueOf: null },
];
const hostile = fc.constantFrom(...HOSTILE);

/** A fitting value with one thing wrong: a field that is hostile, absent or strange, or all of it. */
export function broken(schema: Schema): Arbitrary<unknown> {
  const names = Object.keys(schema.properties ?? {});
  const whole = fc.oneof(hostile, fc.jsonValue());
  if (names.length === 0) return whole;
  const oneWrong = fc
    .tuple(fitting(schema), fc.constantFrom(...names, '__proto__', 'toString', 'additional'), hostile, fc.boolean())
    .map(([value, name, bad, drop]) => {
      const copy = { ...(value as Record<string, unknown>) };
      if (drop) delete copy[name];
      else Object.defineProperty(copy, name, { value: bad, enumerable: true, configurable: true });
      return copy;
    });
  return fc.oneof({ weight: 5, arbitrary: oneWrong }, { weight: 1, arbitrary: whole });
}
