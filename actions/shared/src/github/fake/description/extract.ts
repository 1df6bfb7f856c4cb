import { isObject, type Description, type Json, type JsonObject, type Operation } from './types.ts';

/**
 * The whole description has 13 MB, and its npm package 394 MB on disk: too much for everybody who installs this
 * repository. So the operations that the fake serves are kept here, with all that they refer to, exactly as they are
 * but for words and examples. `update.ts` makes the file anew, and a test holds it to the package.
 */
const WORDS = new Set([
  'description',
  'example',
  'examples',
  'externalDocs',
  'summary',
  'tags',
  'title',
  'x-github',
  'x-github-breaking-changes',
]);

/** @param operations `GET /repos/{owner}/{repo}`, … @throws Error where the description has no such operation */
export function extract(whole: Description, operations: readonly string[]): Description {
  const part: Description = { paths: {}, components: {} };
  const follow = (node: Json): void => {
    if (Array.isArray(node)) node.forEach(follow);
    if (!isObject(node)) return;
    const [, , kind, name] = typeof node['$ref'] === 'string' ? node['$ref'].split('/') : [];
    if (kind !== undefined && name !== undefined && part.components[kind]?.[name] === undefined) {
      const found = whole.components[kind]?.[name];
      if (found === undefined) throw new Error(`the description refers to ${kind}/${name}, which it does not hold`);
      const kept = withoutWords(found);
      (part.components[kind] ??= {})[name] = kept;
      follow(kept);
    }
    Object.values(node).forEach(follow);
  };
  for (const operation of [...operations].sort()) {
    const [method = '', path = ''] = operation.split(' ');
    const found = whole.paths[path]?.[method.toLowerCase()];
    if (found === undefined) throw new Error(`GitHub's description has no operation ${operation}`);
    const { parameters = [], requestBody, responses } = found;
    const kept: JsonObject = withoutWords({
      parameters,
      ...(requestBody === undefined ? {} : { requestBody }),
      responses,
    });
    (part.paths[path] ??= {})[method.toLowerCase()] = kept as unknown as Operation;
    follow(kept);
  }
  for (const [kind, members] of Object.entries(part.components)) {
    part.components[kind] = Object.fromEntries(
      Object.entries(members).sort(([one], [other]) => (one < other ? -1 : 1)),
    );
  }
  return part;
}

/** A property may be called `description` or `title`: names of properties are no words. */
function withoutWords<T extends Json>(node: T, areNames = false): T {
  if (Array.isArray(node)) return node.map((one) => withoutWords(one)) as T;
  if (!isObject(node)) return node;
  const kept: JsonObject = {};
  for (const [key, value] of Object.entries(node)) {
    if (areNames || !WORDS.has(key)) kept[key] = withoutWords(value, !areNames && key === 'properties');
  }
  return kept as T;
}
