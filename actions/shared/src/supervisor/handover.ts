import { Secret } from '@papergate/config';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { SECRET_NAMES, type DeployPlan } from './plan.ts';
import type { Supervisor } from './supervisor.ts';

const Request = Type.Union([
  Type.Object({ act: Type.Literal('stop'), generation: Type.Integer(), services: Type.Array(Type.String()) }),
  Type.Object({ act: Type.Literal('forget'), generation: Type.Integer(), services: Type.Array(Type.String()) }),
  Type.Object({
    act: Type.Literal('start'),
    generation: Type.Integer(),
    service: Type.String(),
    /** A {@link DeployPlan}; written by the same version of this code, and read by its types. */
    plan: Type.Object({ schema: Type.Literal(1), manifestDigest: Type.String() }),
    /** Those that replace the ones that the supervisor has; over the socket, which only this user can open. */
    secrets: Type.Record(Type.String(), Type.String()),
  }),
]);
export type HandoverRequest =
  | Exclude<Static<typeof Request>, { act: 'start' }>
  | (Omit<Extract<Static<typeof Request>, { act: 'start' }>, 'plan'> & { plan: DeployPlan });

type Moved = Pick<Supervisor, 'stopServices' | 'startService' | 'forgetServices'>;

/**
 * Steps of moving a staging from one release to another. Each names the generation of the deploy lease that it is
 * taken under: once a newer one has been seen, a deployer that slept through its expiry is refused.
 */
export class Handover {
  readonly #supervisor: Moved;
  #generation = 0;

  constructor(supervisor: Moved) {
    this.#supervisor = supervisor;
  }

  async take(request: unknown): Promise<unknown> {
    if (!Value.Check(Request, request)) throw new Error('this supervisor does not know that step; ship anew');
    if (request.generation < this.#generation) {
      throw new Error(`generation ${request.generation} is over: ${this.#generation} has the place`);
    }
    this.#generation = request.generation;
    if (request.act === 'stop') return { outcomes: await this.#supervisor.stopServices(request.services) };
    if (request.act === 'forget') {
      this.#supervisor.forgetServices(request.services);
      return { outcomes: {} };
    }
    const secrets = SECRET_NAMES.flatMap((name) => {
      const value = request.secrets[name];
      return value === undefined ? [] : [[name, new Secret(value)] as const];
    });
    this.#supervisor.startService(request.plan as unknown as DeployPlan, request.service, new Map(secrets));
    return { outcomes: {} };
  }
}
