import fc, { type Arbitrary } from 'fast-check';
import type { Operation, Parameter } from './document.ts';
import { broken, fitting, HOSTILE } from './values.ts';

export interface FuzzRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

/** Text of what is no JSON, and of JSON that is more than a parser wants. */
const MALFORMED: readonly string[] = [
  '',
  '{',
  '{"a":1,}',
  'NaN',
  '{"quantity":NaN}',
  '\u0000',
  '"\\ud800"',
  '['.repeat(20_000),
  `{"a":${'['.repeat(2_000)}${']'.repeat(2_000)}}`,
  '{"__proto__":{"x":1}}',
  '{"a":1}{"a":2}',
  '\ufeff{}',
  'a=b&c=d',
  `"${'x'.repeat(100_000)}"`,
];

const TYPES = ['application/json', 'application/json; charset=utf-16', 'text/plain', 'multipart/form-data', '*/*', ''];

/** Requests of one operation: about a third as they should be, the others wrong in one place. */
export function requestsOf(operation: Operation, token: string | undefined): Arbitrary<FuzzRequest> {
  const { method, path, parameters, body } = operation;
  const places = (where: Parameter['in']) => parameters.filter((parameter) => parameter.in === where);
  const names = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name ?? '');
  const inPath = fc.tuple(
    ...names.map((name) => segment(places('path').find((parameter) => parameter.name === name)?.schema ?? {})),
  );
  const query = fc.oneof(
    fc.record(Object.fromEntries(places('query').map(({ name, schema }) => [name, fitting(schema)])), {
      requiredKeys: [],
    }),
    fc.dictionary(fc.constantFrom(...places('query').map(({ name }) => name), 'other'), fc.constantFrom(...HOSTILE), {
      maxKeys: 3,
    }),
  );
  const content = fc.record({ text: text(body, method), type: fc.constantFrom('application/json', ...TYPES) });
  const bearer = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return fc.tuple(inPath, query, content).map(([segments, values, { text: given, type }]) => {
    const filled = names.reduce((made, name, at) => made.replace(`{${name}}`, segments[at] ?? ''), path);
    const search = Object.entries(values)
      .map(([name, value]) => `${name}=${safely(asText(value))}`)
      .join('&');
    return {
      method,
      path: search === '' ? filled : `${filled}?${search}`,
      headers: { ...bearer, ...(given === undefined || type === '' ? {} : { 'content-type': type }) },
      body: given,
    };
  });
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

function segment(schema: Parameter['schema']): Arbitrary<string> {
  const encoded = fitting({ type: 'string', ...schema }).map((value) => safely(asText(value)));
  const strange = fc.constantFrom(
    '..%2f..%2fetc',
    '%00',
    '%zz',
    '%',
    '.',
    '..',
    'x'.repeat(5_000),
    '00000000-0000-0000-0000-000000000000',
    '%F0%9D%95%8F',
    '1%27%20OR%20%271',
  );
  return fc.oneof(encoded, strange);
}

/** Half of a surrogate pair cannot be written in an address. */
function safely(text: string): string {
  try {
    return encodeURIComponent(text) || 'x';
  } catch {
    return '%ED%A0%80';
  }
}

function text(schema: Operation['body'], method: string): Arbitrary<string | undefined> {
  const nothing = fc.constant(undefined);
  if (schema === undefined) {
    return method === 'GET' ? nothing : fc.oneof(nothing, fc.constantFrom(...MALFORMED), fc.json());
  }
  const value = fc.oneof({ weight: 2, arbitrary: fitting(schema) }, { weight: 4, arbitrary: broken(schema) });
  return fc.oneof(
    { weight: 6, arbitrary: value.map((found) => JSON.stringify(found)) },
    { weight: 1, arbitrary: fc.constantFrom(...MALFORMED) },
    { weight: 1, arbitrary: nothing },
  );
}
