import { UserError } from '@papergate/config';
import { holds, SUITES, type Check, type StageResult } from '@papergate/delivery';

/** Check to its limit, `<= 200` or `>= 99.5`. */
export type Floors = Readonly<Record<string, string>>;

/** The floors that every release has to hold, by the name of their check. */
const OWN: ReadonlyMap<string, { sign: '<=' | '>='; bound: number }> = new Map(
  SUITES.flatMap(({ name, floors }) =>
    floors.map((floor) => [
      `${name}: ${floor.name}`,
      floor.kind === 'share'
        ? ({ sign: '>=', bound: floor.min } as const)
        : ({ sign: '<=', bound: floor.max } as const),
    ]),
  ),
);

/**
 * What the input asks for.
 * @throws UserError INPUT_INVALID, FLOOR_UNKNOWN, FLOOR_LOWERED
 */
export function floorsOf(given: unknown): Floors {
  if (given === undefined) return {};
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw shapeless('no object');
  const floors: Record<string, string> = {};
  for (const [name, limit] of Object.entries(given)) {
    if (typeof limit !== 'string') throw shapeless(`no text at "${name.slice(0, 80)}"`);
    floors[name] = checked(name, limit);
  }
  return floors;
}

function checked(name: string, limit: string): string {
  const own = OWN.get(name);
  if (own === undefined) {
    throw new UserError({
      code: 'FLOOR_UNKNOWN',
      message: `input floors names "${name.slice(0, 80)}", which no suite measures; allowed: ${[...OWN.keys()].join('; ')}`,
      fix: 'name one of these',
    });
  }
  const [, sign, text] = /^(<=|>=) (\d+(?:\.\d+)?)$/.exec(limit) ?? [];
  if (sign !== own.sign || text === undefined) {
    throw shapeless(`"${limit.slice(0, 40)}" at "${name}", allowed: ${own.sign} and a number`);
  }
  const bound = Number(text);
  if (own.sign === '<=' ? bound <= own.bound : bound >= own.bound) return limit;
  throw new UserError({
    code: 'FLOOR_LOWERED',
    message: `input floors wants ${limit} of "${name}", and every release has to hold ${own.sign} ${own.bound}`,
    fix: 'give a stricter limit, or leave it out',
  });
}

const shapeless = (found: string): UserError =>
  new UserError({
    code: 'INPUT_INVALID',
    message: `input floors is ${found}, wanted: a JSON object of check to limit`,
    fix: 'write it as {"order-stress: order latency, p99": "<= 200"}',
  });

/** The result held to stricter floors as well. What was not measured has not held. */
export function heldTo(result: StageResult, floors: Floors): StageResult {
  const checks = result.checks.map((check) => {
    const limit = floors[check.name];
    return limit === undefined ? check : stricter(check, limit);
  });
  const status = checks.every((check) => check.status === 'passed') ? result.status : 'failed';
  return { ...result, status, checks };
}

function stricter(check: Check, limit: string): Check {
  const held = typeof check.observed === 'number' && holds(check.observed, limit) === true;
  return { ...check, limit, status: held && check.status === 'passed' ? 'passed' : 'failed' };
}
