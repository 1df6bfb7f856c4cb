import { messageOf, STRATEGY_KINDS, UserError } from '@papergate/config';
import { STRATEGY_INTERFACE } from './plugin.ts';

const FOLDER = 'services/signal-bridge/strategies';

/** Every reason for which a plug-in is not started. `where` names the strategy and its plug-in. */
export const refusals = {
  /** There is no such file or package. */
  notFound: (where: string, found: string[], cause: unknown) =>
    new UserError({
      code: 'STRATEGY_NOT_FOUND',
      message: `${where}: there is no such plug-in; ${FOLDER} has ${found.length === 0 ? 'none' : found.map((name) => `./${name}`).join(', ')}, built in as "kind" are ${STRATEGY_KINDS.join(', ')}`,
      fix: `put its file into ${FOLDER}, or add its package to the dependencies of services/signal-bridge`,
      cause,
    }),
  /** The file is there, but to load it failed: a syntax error, an import that does not exist, an error at its top level. */
  broken: (where: string, cause: unknown) =>
    new UserError({
      code: 'STRATEGY_BROKEN',
      message: `${where}: it cannot be loaded: ${messageOf(cause)}`,
      fix: 'mend the plug-in: a test that imports it shows where it fails',
    }),
  /** The module is not a plug-in. */
  noPlugin: (where: string, found: string) =>
    new UserError({
      code: 'STRATEGY_NO_PLUGIN',
      message: `${where}: ${found}, allowed: a plug-in as its default export, { interface, parameters, create }`,
      fix: 'export one, as docs/strategies.md shows',
    }),
  /** It was written for another interface than the one that is here. */
  wrongInterface: (where: string, found: unknown) =>
    new UserError({
      code: 'STRATEGY_INTERFACE',
      message: `${where}: it says interface ${shown(found)}, allowed: ${STRATEGY_INTERFACE}`,
      fix: `bring it up to interface ${STRATEGY_INTERFACE} (docs/strategies.md), then say so in it`,
    }),
  /** The parameters fail the plug-in's own schema, or its `check`. */
  parameters: (where: string, problem: string) =>
    new UserError({
      code: 'STRATEGY_PARAMETERS',
      message: `${where}: ${problem}`,
      fix: 'correct its entry under "strategies" in the system configuration, or --parameters of a backtest',
    }),
  /** `create` throws, or gives something that is no strategy. */
  create: (where: string, problem: string) =>
    new UserError({
      code: 'STRATEGY_CREATE',
      message: `${where}: ${problem}`,
      fix: 'mend the plug-in, or the parameters that it cannot be created with',
    }),
} as const;

/** A value of a plug-in in a message: short, and never by its own toString. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  return value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value;
}
