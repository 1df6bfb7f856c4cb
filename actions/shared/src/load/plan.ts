import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { ExternalError, messageOf } from '@papergate/config';

const Profile = Type.Object({
  warmup_s: Type.Number({ minimum: 0, maximum: 3600 }),
  main_s: Type.Number({ minimum: 1, maximum: 3600 }),
});
const PlanSchema = Type.Object({
  profiles: Type.Object({ quick: Profile, full: Profile }),
  load: Type.Record(Type.String(), Type.Record(Type.String(), Type.Number({ exclusiveMinimum: 0 }))),
});
export type LoadPlan = Static<typeof PlanSchema>;
export type LoadProfile = 'quick' | 'full';

/**
 * Reads `loadtests/plan.json` of a release: lengths in seconds and rates per second of each suite.
 * @throws ExternalError LOAD_PLAN_INVALID
 */
export async function readPlan(releaseDir: string): Promise<LoadPlan> {
  const file = join(releaseDir, 'loadtests', 'plan.json');
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (Value.Check(PlanSchema, value)) return value;
    throw new Error([...Value.Errors(PlanSchema, value)].map((e) => `${e.instancePath} ${e.message}`).join('; '));
  } catch (error) {
    throw new ExternalError({
      code: 'LOAD_PLAN_INVALID',
      message: `${file} is no load plan: ${messageOf(error)}`,
      fix: 'restore loadtests/plan.json in the commit that is shipped',
      cause: error,
    });
  }
}
