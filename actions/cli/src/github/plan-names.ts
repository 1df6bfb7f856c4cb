import type { Facts, Seen } from './facts.ts';
import { LIVE_SECRET, SECRETS, VARIABLES, type KnownName } from './names.ts';
import type { PlanInput } from './plan.ts';
import type { Item } from './types.ts';

/** Workflows have defaults for variables: one that is not listed is no lack. */
const OWN_VARIABLE: KnownName = { what: 'set, where its default is not wanted', needed: 'no' };

/** Secrets and variables that the workflows read: names only, since nobody but the team knows their values. */
export function planNames({ facts, needs, wanted }: Pick<PlanInput, 'facts' | 'needs' | 'wanted'>): Item[] {
  const variables = namesSeen(facts.variables);
  const isSet = (name: string): boolean => variables.has(name);
  const items: Item[] = [];
  for (const [environment, names] of [...needs.secrets].sort(([one], [other]) => (one < other ? -1 : 1))) {
    for (const name of [...names].sort()) items.push(secret(facts, environment, name, isSet));
  }
  for (const name of [...needs.variables].sort()) {
    const known = VARIABLES[name] ?? OWN_VARIABLE;
    items.push({
      of: 'repository',
      what: `variable ${name}`,
      ...told(known, isSet(name), hiddenIn(facts.variables), isSet),
      ...(isSet(name) || !isNeeded(known, isSet) ? {} : { fix: `gh variable set ${name}` }),
    });
  }
  return [...items, ...liveOutside(facts, wanted.production)];
}

function secret(facts: Facts, environment: string, name: string, isSet: (name: string) => boolean): Item {
  const known = SECRETS[name];
  const of = environment === '' ? 'repository' : `environment ${environment}`;
  // A job in an environment is given the repository's secrets as well.
  const where = new Map([...facts.secrets].filter(([place]) => place === environment || place === ''));
  const own = facts.secrets.get(environment);
  const isThere = namesSeen(where).has(name);
  const why = isThere || own === undefined || 'value' in own ? undefined : own.why;
  const told_ = told(known, isThere, why, isSet);
  const command = `gh secret set ${name}${environment === '' ? '' : ` --env ${environment}`}`;
  return { of, what: `secret ${name}`, ...told_, ...(told_.state === 'by-hand' ? { fix: command } : {}) };
}

function told(
  known: KnownName | undefined,
  isThere: boolean,
  why: string | undefined,
  isSet: (name: string) => boolean,
): Pick<Item, 'is' | 'wanted' | 'state' | 'fix'> {
  const wanted = known?.what ?? 'set';
  if (isThere) return { is: 'set', wanted, state: 'ok' };
  if (why !== undefined && isNeeded(known, isSet)) return { is: 'cannot be read', wanted, state: 'unknown', fix: why };
  return { is: 'not set', wanted, state: isNeeded(known, isSet) ? 'by-hand' : 'note' };
}

const isNeeded = (known: KnownName | undefined, isSet: (name: string) => boolean): boolean => {
  const needed = known?.needed;
  if (needed === undefined || needed === 'no') return needed === undefined;
  return isSet(needed.with) && (needed.unless === undefined || !isSet(needed.unless));
};

const namesSeen = (all: ReadonlyMap<string, Seen<string[]>>): Set<string> =>
  new Set([...all.values()].flatMap((seen) => ('value' in seen ? seen.value : [])));

const hiddenIn = (all: ReadonlyMap<string, Seen<string[]>>): string | undefined =>
  [...all.values()].map((seen) => ('why' in seen ? seen.why : undefined)).find((why) => why !== undefined);

/** Whatever lies outside of production's own environment, jobs of staging and of every branch could read. */
function liveOutside({ secrets }: Facts, production: string): Item[] {
  return [...secrets].flatMap(([place, seen]) => {
    if (place === production || 'why' in seen) return [];
    return seen.value
      .filter((name) => LIVE_SECRET.test(name))
      .map((name): Item => ({
        of: place === '' ? 'repository' : `environment ${place}`,
        what: `secret ${name}`,
        is: 'set',
        wanted: `only in the environment ${production}`,
        state: 'by-hand',
        fix: `gh secret delete ${name}${place === '' ? '' : ` --env ${place}`}, and change the key at Alpaca`,
      }));
  });
}
