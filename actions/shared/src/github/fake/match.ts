import type { Route } from './call.ts';

export interface Match {
  route: Route;
  params: Record<string, string>;
}

/** In these, GitHub takes slashes as they are. */
const MULTI = new Set(['ref', 'basehead', 'branch', 'subject_digest', 'tag']);

export function makeMatcher(routes: readonly Route[]): (method: string, path: string) => Match | undefined {
  const known = routes.map((route) => {
    const [method = '', template = ''] = route.route.split(' ');
    const names: string[] = [];
    const pattern = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      names.push(name);
      return MULTI.has(name) && template.endsWith(`{${name}}`) ? '(.+)' : '([^/]+)';
    });
    return { route, method, names, pattern: new RegExp(`^${pattern}$`), segments: template.split('/').length };
  });
  // The longest first, then the one with the fewest holes: `/commits/{ref}/pulls` before `/commits/{ref}`, whose hole
  // takes slashes, and `/releases/latest` before `/releases/{release_id}`.
  known.sort((one, other) => other.segments - one.segments || one.names.length - other.names.length);
  return (method, path) => {
    for (const { route, names, pattern, method: own } of known) {
      const found = own === method ? pattern.exec(path) : null;
      if (found === null) continue;
      const params = names.map((name, index) => [name, decodeURIComponent(found[index + 1] ?? '')]);
      return { route, params: Object.fromEntries(params) as Record<string, string> };
    }
    return undefined;
  };
}
