import type { Static, TSchema } from 'typebox';
import { Settings } from 'typebox/system';
import { Value } from 'typebox/value';
import { findKeys } from '../policy/scan/find.ts';
import { nearest } from './nearest.ts';
import { orThrow, type ConfigProblem, type Inspected } from './problems.ts';

const MAX_ERRORS = 200;

/** Checks a value against a schema; a refusal names the file, every key, what was found and what is allowed. */
export function checkShape<T extends TSchema>(schema: T, value: unknown, file: string): Static<T> {
  return orThrow(inspectShape(schema, value, () => file));
}

/** `fileOf` says in which file a key stands, for values that are laid together from several. */
export function inspectShape<T extends TSchema>(
  schema: T,
  value: unknown,
  fileOf: (path: readonly string[]) => string,
): Inspected<Static<T>> {
  if (Value.Check(schema, value)) return { value, problems: [] };
  const complaints = allErrors(schema, value).flatMap((problem) => explain(problem, value, schema));
  const meant = new Set(complaints.map(({ meant }) => meant));
  const problems = complaints
    // Where `http_prot` was taken for `http_port`, that `http_port` is missing is the same mistake.
    .filter(({ missing, path }) => !(missing && meant.has(path.join('.'))))
    .map(({ path, message, fix, missing }): ConfigProblem => {
      const problem = { code: 'CONFIG_INVALID' as const, file: fileOf(path), key: path.join('.'), message, fix };
      return missing === true ? { ...problem, missing } : problem;
    });
  const once = new Map(problems.map((problem) => [problem.message, problem]));
  return { problems: [...once.values()] };
}

/** TypeBox stops at eight; the whole list is what a person needs who mends a file. */
function allErrors(schema: TSchema, value: unknown): ShapeProblem[] {
  const { maxErrors } = Settings.Get();
  Settings.Set({ maxErrors: MAX_ERRORS });
  try {
    return [...Value.Errors(schema, value)];
  } finally {
    Settings.Set({ maxErrors });
  }
}

interface Complaint {
  path: string[];
  message: string;
  fix: string;
  missing?: boolean;
  /** The key that an unknown one was taken for. */
  meant?: string | undefined;
}

interface ShapeProblem {
  keyword: string;
  instancePath: string;
  message: string;
  params: unknown;
}

/** What the schemas of this workspace use of JSON Schema; `expects` is ours: the rule in words. */
interface PlainSchema {
  type?: string;
  expects?: string;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  properties?: Record<string, PlainSchema>;
  items?: PlainSchema;
}

function explain(problem: ShapeProblem, root: unknown, schema: TSchema): Complaint[] {
  const path = problem.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const params = problem.params as Record<string, unknown>;
  const at = schemaAt(schema, path);
  const found = Value.Pointer.Get(root, problem.instancePath);
  const key = path.join('.') || 'the whole file';

  switch (problem.keyword) {
    // The same refusal once more, from the key's side.
    case 'boolean':
      return [];
    case 'additionalProperties':
      return names(params['additionalProperties']).map((name) => unknownKey([...path, name], name, at));
    case 'required':
      return names(params['requiredProperties']).map((name) => missingKey([...path, name], at));
    case 'enum': {
      const allowed = (params['allowedValues'] as unknown[]).map(show).join(', ');
      return [{ path, message: `${key} is ${show(found)}, allowed: ${allowed}`, fix: 'use one of these' }];
    }
    case 'uniqueItems': {
      const twice = (params['duplicateItems'] as number[]).map((i) => show((found as unknown[])[i])).join(', ');
      return [{ path, message: `${key} has ${twice} twice, allowed: once`, fix: 'remove the repetition' }];
    }
    default: {
      const fix =
        found instanceof Date
          ? 'write it as text, in quotes'
          : at.type === 'string' && typeof found === 'number'
            ? 'put it in quotes'
            : 'correct the value';
      return [{ path, message: `${key} is ${show(found)}, allowed: ${allowed(at)}`, fix }];
    }
  }
}

const names = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

function unknownKey(path: string[], name: string, at: PlainSchema): Complaint {
  const known = Object.keys(at.properties ?? {});
  const meant = nearest(name, known);
  const full = path.join('.');
  if (meant !== undefined) {
    const sibling = [...path.slice(0, -1), meant].join('.');
    return {
      path,
      message: `unknown key ${full} (did you mean "${meant}"?)`,
      fix: `rename it to ${meant} or remove it`,
      meant: sibling,
    };
  }
  return { path, message: `unknown key ${full}, allowed here: ${known.join(', ')}`, fix: 'remove it' };
}

function missingKey(path: string[], at: PlainSchema): Complaint {
  const schema = at.properties?.[path.at(-1) ?? ''] ?? {};
  return { path, message: `missing key ${path.join('.')}, allowed: ${allowed(schema)}`, fix: 'add it', missing: true };
}

function schemaAt(schema: PlainSchema, path: readonly string[]): PlainSchema {
  let at = schema;
  for (const part of path) at = at.properties?.[part] ?? at.items ?? {};
  return at;
}

/** The rule of a schema in words. */
function allowed(schema: PlainSchema): string {
  if (schema.expects !== undefined) return schema.expects;
  const { type } = schema;
  if (type === 'object') return 'a table of keys and values';
  if (type === 'boolean') return 'true, false';
  if (type === 'array') {
    const items = schema.items === undefined ? '' : `, each ${allowed(schema.items)}`;
    return `a list${range(schema.minItems, schema.maxItems, ' of at least ', ' of at most ')}${items}`;
  }
  if (type === 'string') return `text${range(schema.minLength, schema.maxLength, ' of at least ', ' of at most ')}`;
  const kind = type === 'integer' ? 'a whole number' : 'a number';
  const low = schema.exclusiveMinimum === undefined ? schema.minimum : undefined;
  const above = schema.exclusiveMinimum === undefined ? '' : ` greater than ${schema.exclusiveMinimum}`;
  return `${kind}${above}${range(low, schema.maximum, ' from ', above === '' ? ' to ' : ' and up to ')}`;
}

function range(low: number | undefined, high: number | undefined, from: string, to: string): string {
  return `${low === undefined ? '' : `${from}${low}`}${high === undefined ? '' : `${to}${high}`}`;
}

/** A value in a message: short, and numbers that JSON cannot write by their name. */
export function show(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (value instanceof Date) return `the date ${value.toISOString()}`;
  if (Array.isArray(value) && value.length === 0) return 'an empty list';
  const text = JSON.stringify(value);
  // A credential that went into the wrong place must not go from there into a log.
  if (/:\/\/[^/]*@/.test(text) || findKeys(text).hits.length > 0) return '(withheld: it looks like a credential)';
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
