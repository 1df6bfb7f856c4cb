import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { checkShape, STRATEGY_KINDS, StrategySchema, type StrategyConfig, type SystemConfig } from '@papergate/config';
import { loadStrategies, type LoadedStrategy } from '@papergate/signal-bridge/backtest';
import { mistakes } from './errors.ts';

export interface ChosenStrategies {
  /** As `--strategy` names them; none: all of the configuration. */
  named: readonly string[];
  system: SystemConfig;
  /** Of the data. */
  available: readonly string[];
  /** In place of each strategy's own. */
  symbols?: readonly string[];
  /** For strategies that are not of the configuration. */
  parameters?: string;
  quantity: string;
  barMs: number;
  cooldownMs: number;
  /** What paths start from. */
  cwd: string;
}

/** Finds, checks and readies the strategies of a backtest. @throws UserError BACKTEST_…, STRATEGY_…, CONFIG_INVALID */
export async function chooseStrategies(choice: ChosenStrategies): Promise<LoadedStrategy[]> {
  const { available, named, system } = choice;
  if (choice.symbols !== undefined) requireSymbols('--symbols', choice.symbols, available);
  if (named.length === 0 && system.strategies.length === 0) throw mistakes.noStrategies(system.environment);
  const wanted = named.length === 0 ? system.strategies.map(({ name }) => name) : named;
  const loaded: LoadedStrategy[] = [];
  for (const name of new Set(wanted)) {
    const { config, folder } = configOf(name, choice, loaded.length);
    requireSymbols(`strategy "${config.name}"`, config.symbols, available);
    loaded.push(...(await loadStrategies([config], folder === undefined ? {} : { folder })));
  }
  return loaded;
}

function requireSymbols(who: string, symbols: readonly string[], available: readonly string[]): void {
  const missing = symbols.filter((symbol) => !available.includes(symbol));
  if (missing.length > 0) throw mistakes.symbols(who, missing, available);
}

function configOf(name: string, choice: ChosenStrategies, index: number): { config: StrategyConfig; folder?: string } {
  const { symbols, system } = choice;
  const configured = system.strategies.find((strategy) => strategy.name === name);
  if (configured !== undefined) {
    return { config: symbols === undefined ? configured : { ...configured, symbols: [...symbols] } };
  }
  const own = { ...ownConfig(choice), name: nameOf(name, index) };
  const kind = STRATEGY_KINDS.find((known) => known === name);
  if (kind !== undefined) return { config: checked({ ...own, kind, ...parametersOf(choice) }) };
  const file = fileOf(name, choice);
  const parameters = parametersOf(choice);
  if (file !== undefined) {
    return { config: checked({ ...own, plugin: `./${basename(file)}`, parameters }), folder: dirname(file) };
  }
  if (name.startsWith('./') || /^(@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/.test(name)) {
    return { config: checked({ ...own, plugin: name, parameters }) };
  }
  throw mistakes.strategy(
    name,
    system.strategies.map((strategy) => strategy.name),
    STRATEGY_KINDS,
  );
}

/** A path to a file that is there; a plain `./name` is looked for in the repository's own folder first. */
function fileOf(name: string, { cwd }: ChosenStrategies): string | undefined {
  if (!/\.(ts|js)$/.test(name)) return undefined;
  const path = resolve(cwd, name);
  return existsSync(path) ? path : undefined;
}

function ownConfig({ available, barMs, cooldownMs, quantity, symbols }: ChosenStrategies) {
  return { symbols: [...(symbols ?? available)], quantity, bar_ms: barMs, cooldown_ms: cooldownMs };
}

/** `./strategies/my-breakout.ts` is called `my-breakout`. */
function nameOf(name: string, index: number): string {
  const plain = basename(name)
    .replace(/\.(ts|js)$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 28);
  return index === 0 ? plain || 'own' : `${plain || 'own'}-${index + 1}`;
}

function checked(config: object): StrategyConfig {
  return checkShape(StrategySchema, config, 'the strategy of the command line');
}

function parametersOf({ parameters }: ChosenStrategies): Record<string, unknown> {
  if (parameters === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(parameters);
  } catch (cause) {
    throw mistakes.parameters(`--parameters is no JSON: ${(cause as Error).message}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw mistakes.parameters('--parameters is no JSON object');
}
