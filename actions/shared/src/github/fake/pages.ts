import type { Reply } from './call.ts';
import type { Json } from './description/types.ts';

const DEFAULT_PAGE = 30;
const MAX_PAGE = 100;

/** Cuts a page out of a list (https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api). */
export function paged(
  { body, list }: Reply,
  url: URL,
  api: string,
): { value: Json | undefined; link: string | undefined } {
  if (list === undefined) return { value: body, link: undefined };
  const asked = (name: string, usual: number): number => {
    const number = Number(url.searchParams.get(name) ?? usual);
    return Number.isInteger(number) && number > 0 ? number : usual;
  };
  const to = (rel: string, name: string, value: string): string => {
    const target = new URL(url.pathname + url.search, api);
    target.searchParams.set(name, value);
    return `<${target.href}>; rel="${rel}"`;
  };
  const { items, key, isCounted = false, isByCursor = false } = list;
  const size = Math.min(MAX_PAGE, asked('per_page', DEFAULT_PAGE));
  const page = asked('page', 1);
  const begin = isByCursor ? fromCursor(url.searchParams.get('after')) : (page - 1) * size;
  const end = begin + size;
  const last = Math.max(1, Math.ceil(items.length / size));
  const part = items.slice(begin, end);
  const links = isByCursor
    ? end < items.length
      ? [to('next', 'after', toCursor(end))]
      : []
    : [
        ...(page > 1 ? [to('prev', 'page', String(page - 1)), to('first', 'page', '1')] : []),
        ...(page < last ? [to('next', 'page', String(page + 1)), to('last', 'page', String(last))] : []),
      ];
  const value = key === undefined ? part : { ...(isCounted ? { total_count: items.length } : {}), [key]: part };
  return { value, link: links.length === 0 ? undefined : links.join(', ') };
}

/** Not to be read by a client, as GitHub's. */
const toCursor = (index: number): string => Buffer.from(`cursor:${index}`).toString('base64url');

function fromCursor(cursor: string | null): number {
  const [, index] = /^cursor:(\d+)$/.exec(Buffer.from(cursor ?? '', 'base64url').toString()) ?? [];
  return Number(index ?? 0);
}
