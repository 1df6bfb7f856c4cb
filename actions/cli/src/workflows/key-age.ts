import { ask, type ApiOptions } from './api.ts';

export interface KeyAge {
  environment: string;
  name: string;
  /** Whole days since it was set. */
  days: number;
}

const DAY_MS = 24 * 3600 * 1000;
const PAGE = 100;

/**
 * How long ago each secret of the environments was set; an environment that there is not has none. Takes a token with
 * environments: read, which the workflow's own cannot have.
 * @throws ExternalError GITHUB_CALL_FAILED
 */
export async function keyAges(
  options: ApiOptions & { repository: string; environments: readonly string[]; now: Date },
): Promise<KeyAge[]> {
  const ages: KeyAge[] = [];
  for (const environment of options.environments) {
    for (let page = 1; ; page++) {
      const path = `/repos/${options.repository}/environments/${encodeURIComponent(environment)}/secrets?per_page=${PAGE}&page=${page}`;
      const { body } = await ask(options, 'GET', path, { expected: [404] });
      const secrets = Array.isArray(body['secrets']) ? (body['secrets'] as unknown[]) : [];
      for (const secret of secrets) {
        const { name, updated_at: at } = secret as { name?: unknown; updated_at?: unknown };
        if (typeof name !== 'string' || typeof at !== 'string') continue;
        ages.push({ environment, name, days: Math.floor((options.now.getTime() - Date.parse(at)) / DAY_MS) });
      }
      if (secrets.length < PAGE) break;
    }
  }
  return ages.sort((a, b) => b.days - a.days);
}
