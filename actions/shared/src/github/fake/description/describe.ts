import { readFileSync } from 'node:fs';
import { isObject, type Extract, type Json, type JsonObject, type Operation } from './types.ts';

/** What GitHub's description says, of the operations that the fake serves. */
export interface GitHubDescription {
  components: Extract['components'];
  /** @throws Error where there is no such operation */
  operation(route: string): Operation;
  /** A schema or parameter, with a reference followed. */
  resolve(node: Json): JsonObject;
  /** Of an answer's JSON; undefined where an answer of this status has no body, or is not described. */
  answerSchema(route: string, status: number): JsonObject | undefined;
  isDescribed(route: string, status: number): boolean;
  bodySchema(route: string): { schema: JsonObject; isRequired: boolean } | undefined;
}

export function loadDescription(): GitHubDescription {
  const extract = JSON.parse(readFileSync(new URL('github.json', import.meta.url), 'utf8')) as Extract;
  const resolve = (node: Json): JsonObject => {
    if (!isObject(node)) throw new Error('the description holds something that is no object where one is expected');
    const { $ref: reference } = node;
    if (typeof reference !== 'string') return node;
    const [, , kind = '', name = ''] = reference.split('/');
    return resolve(extract.components[kind]?.[name] ?? null);
  };
  const operation = (route: string): Operation => {
    const [method = '', path = ''] = route.split(' ');
    const found = extract.paths[path]?.[method.toLowerCase()];
    if (found === undefined) throw new Error(`GitHub's description has no operation ${route}`);
    return found;
  };
  const schemaIn = (holder: JsonObject): JsonObject | undefined => {
    const { content } = holder;
    const json = isObject(content) ? content['application/json'] : undefined;
    return isObject(json) && isObject(json['schema']) ? json['schema'] : undefined;
  };
  return {
    components: extract.components,
    operation,
    resolve,
    isDescribed: (route, status) => operation(route).responses[String(status)] !== undefined,
    answerSchema(route, status) {
      const found = operation(route).responses[String(status)];
      return found === undefined ? undefined : schemaIn(resolve(found));
    },
    bodySchema(route) {
      const { requestBody } = operation(route);
      if (requestBody === undefined) return undefined;
      const schema = schemaIn(resolve(requestBody));
      return schema && { schema, isRequired: resolve(requestBody)['required'] === true };
    },
  };
}
