import { at, show, text } from '../client/http.ts';
import type { Context } from '../context.ts';
import { parseExposition, type Sample } from '../metrics/exposition.ts';
import { SERVICES } from '../options.ts';
import { eventually, NotAsExpected } from '../runner.ts';

/** Keys as Alpaca gives them, and addresses with a password in them. */
const SECRETS = [/\b[ACP]K[A-Z0-9]{18}(?:[A-Z0-9]{6})?\b/, /:\/\/[^/@\s"]*:[^/@\s"]+@/];

/** What can be known of a bundle in production by looking: none of these changes anything there. */
export async function checkProduction(context: Context): Promise<void> {
  await checkRedaction(context);
  await checkMarket(context);
  await checkBreakerKnown(context);
  await checkScope(context);
}

async function checkRedaction({ runner, http, targets, token }: Context): Promise<void> {
  const expected = 'no token, key or password in any GET /api/v1/config';
  await runner.check('configuration: tells no secret', expected, async () => {
    for (const name of SERVICES) {
      const answer = await http.get(`${targets.services[name]}/api/v1/config`);
      if (answer.status !== 200) throw new NotAsExpected(`${name}: ${answer.status}`);
      const tells =
        SECRETS.some((secret) => secret.test(answer.text)) ||
        (token !== undefined && answer.text.includes(token.reveal()));
      // What was found must not be shown a second time.
      if (tells) throw new NotAsExpected(`${name} shows a secret`);
    }
    return { found: `none in ${SERVICES.length} services`, value: undefined };
  });
}

async function checkMarket(context: Context): Promise<void> {
  const { runner, http, targets } = context;
  const name = 'papergate_market_upstream_connected';
  await runner.check('market data: connected', `${name} 1`, async () => {
    const found = await eventually({ ...context, everyMs: 250 }, async () => {
      const answer = await http.get(`${targets.services['market-data']}/metrics`);
      if (answer.status !== 200) return { seen: show(answer) };
      const value = valueOf(parseExposition(answer.text).get(name)?.samples);
      return value === 1 ? { done: value } : { seen: `${name} ${value ?? 'missing'}` };
    });
    return { found: `${name} ${found}`, value: undefined };
  });
}

const valueOf = (samples: readonly Sample[] | undefined): number | undefined => samples?.[0]?.value;

const STATES: readonly unknown[] = ['ACTIVE', 'REDUCING', 'HALTED'];

/** Whether it is halted is for whoever halted it: a release may be what mends it. */
async function checkBreakerKnown({ runner, http, targets }: Context): Promise<void> {
  await runner.check('breaker: known', 'a trading state that is known', async () => {
    const answer = await http.get(`${targets.services.orchestrator}/api/v1/circuit-breaker/status`);
    const state = at(answer.json, 'state');
    if (answer.status !== 200 || at(answer.json, 'known') === false || !STATES.includes(state)) {
      throw new NotAsExpected(show(answer));
    }
    return { found: text(state), value: undefined };
  });
}

/** A release that cannot say what it lets through cannot be rolled out step by step. */
async function checkScope({ runner, http, targets }: Context): Promise<void> {
  await runner.check(
    'order scope: of this release',
    'the release of risk-manager, and what it lets through',
    async () => {
      const risk = targets.services['risk-manager'];
      const [answer, config] = [await http.get(`${risk}/api/v1/scope`), await http.get(`${risk}/api/v1/config`)];
      const effective = at(answer.json, 'effective');
      const release = at(answer.json, 'release');
      const isScope = effective === 'all' || Array.isArray(effective);
      if (answer.status !== 200 || !isScope || release !== at(config.json, 'release', 'sha')) {
        throw new NotAsExpected(show(answer));
      }
      return { found: `${text(at(answer.json, 'stage'))}: ${text(effective)}`, value: undefined };
    },
  );
}
