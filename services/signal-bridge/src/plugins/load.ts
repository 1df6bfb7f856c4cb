import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join, parse } from 'node:path';
import { checkShape, ConfigError, errorCode, type StrategyConfig } from '@papergate/config';
import { BUILT_IN } from '../strategies/built-in.ts';
import { refusals, shown } from './errors.ts';
import { STRATEGY_INTERFACE, type StrategyContext, type Strategy } from './plugin.ts';

/** Where a team's own strategies lie. In an image every file of it is one bundle of the same name. */
const FOLDER = fileURLToPath(new URL('../../strategies/', import.meta.url));

/** A strategy of the configuration with its code: what the engine runs. */
export interface LoadedStrategy {
  config: StrategyConfig;
  /** The plug-in as the configuration names it. */
  plugin: string;
  parameters: Readonly<Record<string, unknown>>;
  /** Bars of silence after which it starts anew; Infinity: never. */
  memory: number;
  create(context: StrategyContext): Strategy;
}

export interface LoadOptions {
  /** The folder of `./name`. */
  folder?: string;
  /** Imports a module by its address or name. */
  load?: (specifier: string) => Promise<unknown>;
}

/** A plug-in after its shape was looked at; what its parameters are only it knows. */
interface AnyPlugin {
  parameters: object;
  check?(parameters: unknown): unknown;
  memory?(parameters: unknown): unknown;
  create(parameters: unknown, context: StrategyContext): unknown;
}

/** Finds, checks and readies every strategy of a configuration; throws a UserError (`STRATEGY_…`) for the first that cannot run. */
export async function loadStrategies(
  strategies: readonly StrategyConfig[],
  options: LoadOptions = {},
): Promise<LoadedStrategy[]> {
  const loaded: LoadedStrategy[] = [];
  for (const config of strategies) loaded.push(await loadStrategy(config, options));
  return loaded;
}

async function loadStrategy(config: StrategyConfig, options: LoadOptions): Promise<LoadedStrategy> {
  const plugin = config.plugin ?? config.kind ?? '';
  const where = `strategy "${config.name}" (${plugin})`;
  const found = pluginOf(where, await moduleOf(where, config, options));
  const parameters = deepFrozen(structuredClone(parametersOf(config)));
  checkParameters(where, found, parameters);
  return {
    config,
    plugin,
    parameters,
    memory: memoryOf(where, found, parameters),
    create: (context) => strategyOf(where, () => found.create(parameters, context)),
  };
}

function parametersOf({ kind, window, threshold, parameters }: StrategyConfig): Record<string, unknown> {
  return kind === undefined ? (parameters ?? {}) : { window, threshold };
}

async function moduleOf(
  where: string,
  { name, kind, plugin = '' }: StrategyConfig,
  options: LoadOptions,
): Promise<unknown> {
  if (kind !== undefined) return { default: BUILT_IN[kind] };
  const { folder = FOLDER, load = (specifier) => import(specifier) as Promise<unknown> } = options;
  const file = plugin.startsWith('./') ? fileOf(plugin.slice(2), folder) : undefined;
  if (plugin.startsWith('./') && file === undefined) throw refusals.notFound(where, filesOf(folder), undefined);
  // The query makes a module of its own for each strategy: what one keeps at its top level, another does not see.
  const specifier = file === undefined ? plugin : `${pathToFileURL(file).href}?strategy=${name}`;
  try {
    return await load(specifier);
  } catch (error) {
    const missing = errorCode(error) === 'ERR_MODULE_NOT_FOUND' || errorCode(error) === 'MODULE_NOT_FOUND';
    // A package that is there and misses one of its own is broken, not absent.
    if (file === undefined && missing && String(error).includes(`'${plugin}'`)) {
      throw refusals.notFound(where, filesOf(folder), undefined);
    }
    throw refusals.broken(where, error);
  }
}

const isPlugin = (name: string): boolean => /\.(ts|js)$/.test(name) && !/\.(test|d)\.ts$/.test(name);
/** Without their endings, which are `.ts` in a checkout and `.js` in an image. */
function filesOf(folder: string): string[] {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return [...new Set(names.filter(isPlugin).map((name) => parse(name).name))].toSorted();
}

/** `./breakout`, `./breakout.ts` and `./breakout.js` are the same plug-in, whichever of the two files is there. */
function fileOf(name: string, folder: string): string | undefined {
  const base = name.replace(/\.(ts|js)$/, '');
  return ['.ts', '.js'].map((ending) => join(folder, `${base}${ending}`)).find((path) => existsSync(path));
}

function pluginOf(where: string, module: unknown): AnyPlugin {
  const found = (module as { default?: unknown }).default;
  if (found === undefined) throw refusals.noPlugin(where, 'it has no default export');
  if (typeof found !== 'object' || found === null)
    throw refusals.noPlugin(where, `its default export is ${shown(found)}`);
  const { interface: version, parameters, create } = found as Record<string, unknown>;
  if (version !== STRATEGY_INTERFACE) throw refusals.wrongInterface(where, version);
  if (typeof create !== 'function') throw refusals.noPlugin(where, `its create is ${shown(create)}`);
  if (typeof parameters !== 'object' || parameters === null || (parameters as { type?: unknown }).type !== 'object') {
    throw refusals.noPlugin(where, 'its parameters are no JSON Schema of an object');
  }
  return found as AnyPlugin;
}

function checkParameters(where: string, plugin: AnyPlugin, parameters: Record<string, unknown>): void {
  try {
    checkShape(plugin.parameters, parameters, where);
  } catch (error) {
    if (!(error instanceof ConfigError))
      throw refusals.noPlugin(where, 'its parameters are no JSON Schema that can be used');
    throw refusals.parameters(where, error.problems.map(({ message }) => message).join('; '));
  }
  let problem: unknown;
  try {
    problem = plugin.check?.(parameters);
  } catch (error) {
    throw refusals.broken(where, error);
  }
  if (typeof problem === 'string') throw refusals.parameters(where, problem);
}

function memoryOf(where: string, plugin: AnyPlugin, parameters: Record<string, unknown>): number {
  if (plugin.memory === undefined) return Infinity;
  let bars: unknown;
  try {
    bars = plugin.memory(parameters);
  } catch (error) {
    throw refusals.broken(where, error);
  }
  if (typeof bars === 'number' && bars >= 1) return bars;
  throw refusals.noPlugin(where, `its memory is ${shown(bars)} bars`);
}

function strategyOf(where: string, create: () => unknown): Strategy {
  let made: unknown;
  try {
    made = create();
  } catch (error) {
    throw refusals.create(where, `it cannot be created: ${error instanceof Error ? error.message : shown(error)}`);
  }
  if (typeof made !== 'object' || made === null)
    throw refusals.create(where, `create gives ${shown(made)}, allowed: a strategy`);
  const { onBar, onTick } = made as Record<string, unknown>;
  if (typeof onBar !== 'function' && typeof onTick !== 'function') {
    throw refusals.create(where, 'create gives something with neither onBar nor onTick');
  }
  return made;
}

function deepFrozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFrozen(inner);
  }
  return value;
}
