import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import type { GitHubDescription } from './describe.ts';
import { isObject, type Json, type JsonObject } from './types.ts';

export interface Checker {
  /** What is wrong with a request, by the description; empty where nothing is. */
  request(route: string, params: Record<string, string>, query: URLSearchParams, body: Json | undefined): string[];
  answer(route: string, status: number, body: Json | undefined): string[];
}

/** Fields that GitHub takes and does not describe; clients of others send them as well (google/go-github). */
const UNDESCRIBED: Readonly<Record<string, readonly string[]>> = {
  'PUT /repos/{owner}/{repo}/environments/{environment_name}': ['can_admins_bypass'],
};

/** Errors of GitHub as it answers them everywhere, also where an operation's description does not list them. */
const ERROR_SCHEMA: JsonObject = { $ref: '#/components/schemas/basic-error' };

/** Holds requests and answers to GitHub's description. Each schema is compiled when it is first used. */
export function makeChecker(description: GitHubDescription): Checker {
  const ajv = new Ajv({ strict: false, allErrors: true, logger: false, validateFormats: true });
  (formats as unknown as (ajv: Ajv) => void)(ajv);
  // GitHub's own default of these fields is an empty text, and it sends it.
  const uri = ajv.formats['uri'];
  const isUri =
    typeof uri === 'object' && !(uri instanceof RegExp) && typeof uri.validate === 'function'
      ? uri.validate
      : () => true;
  ajv.addFormat('uri', (text: string) => text === '' || (isUri as (text: string) => boolean)(text));
  ajv.addSchema(readable({ $id: 'github', components: description.components as unknown as JsonObject }) as JsonObject);
  const compiled = new Map<JsonObject, ValidateFunction>();
  const failures = (schema: JsonObject, value: Json | undefined, what: string): string[] => {
    let validate = compiled.get(schema);
    if (validate === undefined) {
      validate = ajv.compile(readable(schema) as JsonObject);
      compiled.set(schema, validate);
    }
    if (validate(value)) return [];
    return (validate.errors ?? []).slice(0, 5).map((error) => `${what}${error.instancePath} ${error.message}`);
  };

  return {
    request(route, params, query, body) {
      const { parameters = [] } = description.operation(route);
      const known = parameters.map((parameter) => description.resolve(parameter));
      const found: string[] = [];
      for (const { in: where, name, required, schema } of known) {
        if (typeof name !== 'string' || typeof where !== 'string' || !isObject(schema)) continue;
        const text = where === 'path' ? params[name] : where === 'query' ? query.get(name) : undefined;
        if (text === undefined || text === null) {
          if (required === true && where !== 'header') found.push(`${where} parameter ${name} is missing`);
        } else found.push(...failures(schema, typed(text, description.resolve(schema)), `parameter ${name}`));
      }
      const queryNames = new Set(known.flatMap(({ in: where, name }) => (where === 'query' ? [name] : [])));
      for (const name of query.keys())
        if (!queryNames.has(name)) found.push(`query parameter ${name} is not described`);
      return [...found, ...bodyFailures(route, described(route, body))];
    },
    answer(route, status, body) {
      if (status === 304) return [];
      const schema = description.answerSchema(route, status) ?? (status >= 400 ? ERROR_SCHEMA : undefined);
      if (status < 400 && !description.isDescribed(route, status)) return [`an answer ${status} is not described`];
      if (schema === undefined) return body === undefined ? [] : [`an answer ${status} has no body`];
      return failures(schema, body, 'answer');
    },
  };

  function bodyFailures(route: string, body: Json | undefined): string[] {
    const wanted = description.bodySchema(route);
    if (wanted === undefined) return body === undefined ? [] : ['a body is not described'];
    if (body === undefined) return wanted.isRequired ? ['the body is missing'] : [];
    const { properties } = description.resolve(wanted.schema);
    const unknown =
      isObject(body) && isObject(properties) ? Object.keys(body).filter((name) => !(name in properties)) : [];
    return [...unknown.map((name) => `body/${name} is not described`), ...failures(wanted.schema, body, 'body')];
  }
}

function described(route: string, body: Json | undefined): Json | undefined {
  if (!isObject(body)) return body;
  const beside = UNDESCRIBED[route] ?? [];
  return Object.fromEntries(Object.entries(body).filter(([name]) => !beside.includes(name)));
}

function typed(text: string, { type }: JsonObject): Json {
  if ((type === 'integer' || type === 'number') && /^-?\d+$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

/**
 * OpenAPI 3.0 as JSON Schema: `nullable` may stand beside a reference or a choice, where JSON Schema does not look at
 * it, and beside an `enum` without null. References lead to where ajv knows the components.
 */
function readable(node: Json): Json {
  if (Array.isArray(node)) return node.map(readable);
  if (!isObject(node)) return node;
  const plain: JsonObject = {};
  for (const [key, value] of Object.entries(node)) {
    if (key === '$ref' && typeof value === 'string') plain[key] = value.replace(/^#/, 'github#');
    else if (key !== 'nullable' && key !== 'discriminator') plain[key] = readable(value);
  }
  return node['nullable'] === true ? { anyOf: [{ type: 'null' }, plain] } : plain;
}
