import { at, show, text } from '../client/http.ts';
import type { Context } from '../context.ts';
import { parseExposition, type Family } from '../metrics/exposition.ts';
import { SERVICES } from '../options.ts';
import { eventually, NotAsExpected } from '../runner.ts';

/** Every service that was named, and the simulator where there is one. */
function everyone({ targets }: Context): Array<[name: string, url: string]> {
  const named = SERVICES.map((name): [string, string] => [name, targets.services[name]]);
  return targets.exchange === undefined ? named : [...named, ['paper-exchange', targets.exchange]];
}

/** @returns whether any service answered at all */
export async function checkHealth(context: Context): Promise<boolean> {
  let reached = false;
  for (const [name, url] of everyone(context)) {
    await context.runner.check(`${name}: health`, '200 and "status":"healthy"', async () => {
      const answer = await context.http.get(`${url}/health`);
      reached = true;
      if (answer.status !== 200 || at(answer.json, 'status') !== 'healthy') throw new NotAsExpected(show(answer));
      return { found: show(answer), value: undefined };
    });
  }
  return reached;
}

export async function checkReadiness(context: Context): Promise<void> {
  for (const [name, url] of everyone(context)) {
    await context.runner.check(`${name}: ready`, '200 and "ready":true', async () => {
      const answer = await eventually({ ...context, everyMs: 200 }, async () => {
        const last = await context.http.get(`${url}/health/ready`);
        return last.status === 200 && at(last.json, 'ready') === true ? { done: last } : { seen: show(last) };
      });
      const states = at(answer.json, name === 'observability-api' ? 'collectors' : 'checks');
      if (typeof states !== 'object' || states === null)
        throw new NotAsExpected(`${show(answer)}: it does not say what it looked at`);
      return { found: `ready: ${Object.keys(states).join(', ')}`, value: undefined };
    });
  }
}

/**
 * Both true, and both there: a service that does not say that it is on paper is not. In production both are false.
 * `isLive`: some service trades with real money, by its own word.
 */
export async function checkConfiguration(context: Context): Promise<{ symbol: string | undefined; isLive: boolean }> {
  let symbol: string | undefined;
  let isLive = false;
  const wanted = !context.production;
  for (const [name, url] of everyone(context)) {
    await context.runner.check(
      `${name}: configuration`,
      `"dry_run":${wanted} and "alpaca_paper":${wanted}`,
      async () => {
        const answer = await context.http.get(`${url}/api/v1/config`);
        const modes = ['dry_run', 'alpaca_paper'].map(
          (key) => `"${key}":${JSON.stringify(at(answer.json, key)) ?? 'missing'}`,
        );
        const found = `${answer.status}, ${modes.join(', ')}, environment ${JSON.stringify(at(answer.json, 'environment')) ?? 'missing'}`;
        const [dryRun, paper] = [at(answer.json, 'dry_run'), at(answer.json, 'alpaca_paper')];
        const isProduction = at(answer.json, 'environment') === 'production';
        if (isProduction || (dryRun === false && paper === false)) isLive = true;
        const isOther = context.production && !isProduction;
        if (answer.status !== 200 || dryRun !== wanted || paper !== wanted || isOther) {
          throw new NotAsExpected(found);
        }
        const sha = at(answer.json, 'release', 'sha');
        if (typeof sha !== 'string' || sha === '') throw new NotAsExpected(`${found}, and no release.sha`);
        const symbols = at(answer.json, 'system', 'symbols');
        if (Array.isArray(symbols) && typeof symbols[0] === 'string') symbol ??= symbols[0];
        return { found: `${found}, release ${sha.slice(0, 12)}`, value: undefined };
      },
    );
  }
  return { symbol, isLive };
}

const HTTP_DURATION = 'papergate_http_request_duration_seconds';

/** Scrapes as Prometheus would. */
export async function scrape(context: Context, url: string): Promise<Map<string, Family>> {
  const answer = await context.http.get(`${url}/metrics`);
  const type = answer.headers.get('content-type') ?? '';
  if (answer.status !== 200) throw new NotAsExpected(show(answer));
  if (!/^text\/plain\b/.test(type)) throw new NotAsExpected(`content type "${type}"`);
  return parseExposition(answer.text);
}

export async function checkMetrics(context: Context): Promise<void> {
  for (const [name, url] of everyone(context)) {
    const expected = `valid Prometheus text with ${HTTP_DURATION}, every series of service="${name}"`;
    await context.runner.check(`${name}: metrics`, expected, async () => {
      const families = await scrape(context, url);
      const http = families.get(HTTP_DURATION);
      if (http?.type !== 'histogram' || http.samples.length === 0)
        throw new NotAsExpected(`no histogram ${HTTP_DURATION} with samples`);
      for (const family of families.values()) {
        const stray = family.samples.find(({ labels }) => labels.get('service') !== name);
        if (stray !== undefined)
          throw new NotAsExpected(`${stray.name} is of service="${stray.labels.get('service') ?? 'nobody'}"`);
      }
      return { found: `${families.size} families`, value: undefined };
    });
  }
}

export async function checkDashboardPage(context: Context): Promise<void> {
  await context.runner.check('dashboard: page', '200 and an HTML page with a title', async () => {
    const answer = await context.http.get(`${context.targets.services.dashboard}/`);
    const type = answer.headers.get('content-type') ?? '';
    const title = /<title>([^<]+)<\/title>/i.exec(answer.text)?.[1];
    if (answer.status !== 200 || !type.startsWith('text/html') || title === undefined) {
      throw new NotAsExpected(`${show(answer).slice(0, 80)} (${type})`);
    }
    return { found: `"${title.trim()}"`, value: undefined };
  });
}

/** The orchestrator starts before the dashboard and does not depend on it. */
const REACHED = SERVICES.filter((name) => name !== 'dashboard');

export async function checkOrchestration(context: Context): Promise<void> {
  const expected = `alive and ready: ${REACHED.join(', ')}`;
  await context.runner.check('orchestrator: reaches every service', expected, async () => {
    const found = await eventually({ ...context, everyMs: 250 }, async () => {
      const answer = await context.http.get(`${context.targets.services.orchestrator}/api/v1/orchestration/status`);
      if (answer.status !== 200) return { seen: show(answer) };
      const lacking = REACHED.filter((name) => {
        const service = at(answer.json, 'services', name);
        return at(service, 'alive') !== true || at(service, 'ready') !== true;
      });
      return lacking.length === 0
        ? { done: text(at(answer.json, 'overall')) }
        : { seen: `not reached or not ready: ${lacking.join(', ')}` };
    });
    return { found: `all reached, overall ${found}`, value: undefined };
  });
}
