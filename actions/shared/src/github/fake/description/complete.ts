import type { GitHubDescription } from './describe.ts';
import { isObject, type Json, type JsonObject } from './types.ts';

/** Deeper than that GitHub's required fields do not go; a repository in a repository in … would have no end. */
const MAX_DEPTH = 8;

/**
 * A value with every field that GitHub's description requires: what the fake has nothing to say of (dozens of
 * addresses of a repository) gets the plainest value of its type. What is given stays as it is, right or wrong.
 */
export function complete(description: GitHubDescription, schema: Json, given: Json | undefined, depth = 0): Json {
  const { resolve } = description;
  const shape = flattened(resolve(schema), resolve);
  if (Array.isArray(given)) {
    const { items } = shape;
    return isObject(items) ? given.map((one) => complete(description, items, one, depth + 1)) : given;
  }
  if (isObject(given) || (given === undefined && isObject(shape['properties']))) {
    if (depth > MAX_DEPTH) return given ?? {};
    const { properties, required } = shape;
    const whole: JsonObject = { ...given };
    if (!isObject(properties)) return whole;
    for (const [name, value] of Object.entries(whole)) {
      if (properties[name] !== undefined && value !== null) {
        whole[name] = complete(description, properties[name], value, depth + 1);
      }
    }
    for (const name of Array.isArray(required) ? required : []) {
      if (typeof name !== 'string' || whole[name] !== undefined || properties[name] === undefined) continue;
      whole[name] = complete(description, properties[name], undefined, depth + 1);
    }
    return whole;
  }
  return given === undefined ? plainest(shape) : given;
}

/** The members of `allOf` together; of `anyOf` and `oneOf` the first, which is what a plain value is made of. */
function flattened(schema: JsonObject, resolve: (node: Json) => JsonObject): JsonObject {
  const { allOf, anyOf, oneOf } = schema;
  if (Array.isArray(allOf)) {
    const parts = allOf.map((part) => flattened(resolve(part), resolve));
    const required = parts.flatMap((part) => (Array.isArray(part['required']) ? part['required'] : []));
    const properties = Object.assign({}, ...parts.map((part) => part['properties'] ?? {})) as JsonObject;
    return { ...schema, type: 'object', properties, required };
  }
  const [first] = Array.isArray(anyOf) ? anyOf : Array.isArray(oneOf) ? oneOf : [];
  return first === undefined || isObject(schema['properties'])
    ? schema
    : { ...schema, ...flattened(resolve(first), resolve) };
}

function plainest(shape: JsonObject): Json {
  const { type, enum: allowed, format, nullable, default: usual } = shape;
  if (nullable === true) return null;
  if (usual !== undefined) return usual;
  if (Array.isArray(allowed) && allowed[0] !== undefined) return allowed[0];
  if (type === 'integer' || type === 'number') return 0;
  if (type === 'boolean') return false;
  if (type === 'array') return [];
  if (type === 'object') return {};
  if (format === 'date-time') return '2011-01-26T19:01:12Z';
  if (format === 'uri') return 'https://github.com';
  return '';
}
