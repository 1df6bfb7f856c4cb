import { found, invalid, Refusal, text, type Call, type Route } from '../call.ts';
import { isObject, type Json, type JsonObject } from '../description/types.ts';
import type { FakeRuleset } from '../state.ts';

const R = '/repos/{owner}/{repo}';

/** https://docs.github.com/en/rest/repos/rules */
export const RULESET_ROUTES: Route[] = [
  {
    route: `GET ${R}/rulesets`,
    handle: (call) => ({ status: 200, list: { items: call.repository.rulesets.map((one) => summary(call, one)) } }),
  },
  {
    route: `POST ${R}/rulesets`,
    needs: ['administration', 'write'],
    handle(call) {
      const name = text(call.body, 'name');
      if (call.repository.rulesets.some((one) => one.name === name)) throw invalid('Ruleset', 'name', 'already_exists');
      const made = given(call, call.nextId());
      call.repository.rulesets.push(made);
      return { status: 201, body: whole(call, made) };
    },
  },
  {
    route: `GET ${R}/rulesets/{ruleset_id}`,
    handle: (call) => ({ status: 200, body: whole(call, of(call)) }),
  },
  {
    route: `PUT ${R}/rulesets/{ruleset_id}`,
    needs: ['administration', 'write'],
    handle(call) {
      const before = of(call);
      const { id } = before;
      const made = given(call, id, before);
      call.repository.rulesets = call.repository.rulesets.map((one) => (one.id === id ? made : one));
      return { status: 200, body: whole(call, made) };
    },
  },
  {
    // https://docs.github.com/en/rest/branches/branch-protection: the older kind of rules, of one branch each.
    route: `GET ${R}/branches/{branch}/protection`,
    needs: ['administration', 'read'],
    handle({ repository, params }) {
      const branch = params['branch'] ?? '';
      if (repository.branches[branch] === undefined) throw new Refusal(404, 'Branch not found');
      const protection = repository.branch_protection[branch];
      if (protection === undefined) throw new Refusal(404, 'Branch not protected');
      return { status: 200, body: protection };
    },
  },
  {
    route: `GET ${R}/rules/branches/{branch}`,
    handle(call) {
      const { repository, params } = call;
      const name = params['branch'] ?? '';
      const own = repository.rulesets
        .filter((one) => one.enforcement === 'active' && one.target === 'branch' && covers(call, one, name))
        .flatMap((one) =>
          one.rules.map((rule) => ({
            ...rule,
            ruleset_source_type: 'Repository',
            ruleset_source: call.fullName,
            ruleset_id: one.id,
          })),
        );
      const inherited = name === repository.default_branch ? repository.parent_rules : [];
      return { status: 200, list: { items: [...own, ...inherited] } };
    },
  },
];

const of = (call: Call): FakeRuleset =>
  found(call.repository.rulesets.find(({ id }) => String(id) === call.params['ruleset_id']));

/** What a change leaves out stays as it was. */
function given({ body }: Call, id: number, before?: FakeRuleset): FakeRuleset {
  const objects = (value: Json | undefined): JsonObject[] | undefined =>
    Array.isArray(value) ? value.filter(isObject) : undefined;
  return {
    id,
    name: text(body, 'name', before?.name),
    target: text(body, 'target', before?.target ?? 'branch'),
    enforcement: text(body, 'enforcement', before?.enforcement),
    bypass_actors: objects(body['bypass_actors']) ?? before?.bypass_actors ?? [],
    conditions: isObject(body['conditions']) ? body['conditions'] : (before?.conditions ?? {}),
    rules: objects(body['rules']) ?? before?.rules ?? [],
  };
}

const summary = (call: Call, { id, name, target, enforcement }: FakeRuleset): JsonObject => ({
  id,
  name,
  target,
  enforcement,
  source_type: 'Repository',
  source: call.fullName,
});

const whole = (call: Call, one: FakeRuleset): JsonObject => ({
  ...summary(call, one),
  bypass_actors: one.bypass_actors,
  conditions: one.conditions,
  rules: one.rules,
});

function covers({ repository }: Call, { conditions }: FakeRuleset, branch: string): boolean {
  const names = isObject(conditions['ref_name']) ? conditions['ref_name'] : {};
  const lists = (key: string): Json[] => (Array.isArray(names[key]) ? names[key] : []);
  const isIn = (refs: Json[]): boolean =>
    refs.includes(`refs/heads/${branch}`) ||
    refs.includes('~ALL') ||
    (refs.includes('~DEFAULT_BRANCH') && branch === repository.default_branch);
  return isIn(lists('include')) && !isIn(lists('exclude'));
}
