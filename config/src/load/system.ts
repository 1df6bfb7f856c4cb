import { join } from 'node:path';
import { scaled } from '../decimal.ts';
import {
  STRATEGY_KINDS,
  SystemConfigSchema,
  type Environment,
  type StrategyConfig,
  type SystemConfig,
} from '../schema/system.ts';
import { parseJsonFile } from './json.ts';
import { inspect, orThrow, type ConfigProblem, type Inspected } from './problems.ts';
import { inspectShape } from './shape.ts';

/** `system.<environment>.json`. Throws a {@link ConfigError} that tells all that is wrong with it. */
export function loadSystemConfig(configDir: string, environment: Environment): SystemConfig {
  return orThrow(inspectSystemConfig(configDir, environment));
}

export function inspectSystemConfig(configDir: string, environment: Environment): Inspected<SystemConfig> {
  const file = join(configDir, `system.${environment}.json`);
  const read = inspect(() => parseJsonFile(file));
  if (read.problems.length > 0) return { problems: read.problems };
  const shaped = inspectShape(SystemConfigSchema, read.value, () => file);
  if (shaped.value === undefined) return shaped;
  const system = shaped.value;
  const problems = [
    ...environmentProblems(system, environment),
    ...portProblems(system),
    ...strategyProblems(system),
    ...exchangeProblems(system),
  ];
  return { value: system, problems: problems.map((problem) => ({ code: 'CONFIG_INVALID', file, ...problem })) };
}

type Problem = Omit<ConfigProblem, 'code' | 'file'>;

function environmentProblems(system: SystemConfig, environment: Environment): Problem[] {
  if (system.environment === environment) return [];
  return [
    {
      key: 'environment',
      message: `environment is "${system.environment}", allowed: "${environment}"`,
      fix: 'repeat the environment of the file’s name',
    },
  ];
}

function portProblems(system: SystemConfig): Problem[] {
  const { database } = system;
  const taken = new Map([[`${database.host}:${database.port}`, 'database.port']]);
  const problems: Problem[] = [];
  for (const [name, service] of Object.entries(system.services)) {
    for (const [key, port] of Object.entries(service)) {
      if (typeof port !== 'number') continue;
      const where = `services.${name}.${key}`;
      // Two containers may both listen on 8080; two processes of one host may not.
      const place = `${service.host}:${port}`;
      const other = taken.get(place);
      if (other === undefined) taken.set(place, where);
      else
        problems.push({
          key: where,
          message: `${where} and ${other} are both ${port} on ${service.host}`,
          fix: 'give each its own port',
        });
    }
  }
  return problems;
}

function strategyProblems(system: SystemConfig): Problem[] {
  const names = new Set<string>();
  return system.strategies.flatMap((strategy, i): Problem[] => {
    const at = `strategies.${i}`;
    const problems: Problem[] = [];
    if (names.has(strategy.name)) {
      problems.push({
        key: `${at}.name`,
        message: `${at}.name is "${strategy.name}", which another strategy has; names are part of every client_order_id`,
        fix: 'give each strategy its own name',
      });
    }
    names.add(strategy.name);
    problems.push(...pluginProblems(strategy, at));
    const unknown = strategy.symbols.filter((symbol) => !system.symbols.includes(symbol));
    if (unknown.length > 0) {
      problems.push({
        key: `${at}.symbols`,
        message: `${at}.symbols has ${unknown.join(', ')}, allowed: what "symbols" lists`,
        fix: 'add the symbols to "symbols" or drop them from the strategy',
      });
    }
    if (isZero(strategy.quantity)) {
      problems.push({
        key: `${at}.quantity`,
        message: `${at}.quantity is "${strategy.quantity}", allowed: more than 0`,
        fix: 'say how much it trades',
      });
    }
    return problems;
  });
}

/** A built-in kind has its numbers at the top; a plug-in has what it asks for under `parameters`. */
function pluginProblems(strategy: StrategyConfig, at: string): Problem[] {
  const { kind, plugin } = strategy;
  if ((kind === undefined) === (plugin === undefined)) {
    const found = kind === undefined ? 'neither "kind" nor "plugin"' : 'both "kind" and "plugin"';
    return [
      {
        key: `${at}.kind`,
        message: `${at} has ${found}, allowed: one of them; kind is ${STRATEGY_KINDS.map((name) => `"${name}"`).join(' or ')}`,
        fix: 'name a strategy that is built in as "kind", or a strategy of your own as "plugin"',
      },
    ];
  }
  const [wanted, others] =
    kind === undefined
      ? ([['parameters'], ['window', 'threshold']] as const)
      : ([['window', 'threshold'], ['parameters']] as const);
  const named = kind === undefined ? 'plugin' : 'kind';
  return [
    ...wanted
      .filter((key) => strategy[key] === undefined)
      .map((key) => ({
        key: `${at}.${key}`,
        message: `missing key ${at}.${key}, which a strategy with "${named}" has`,
        fix: 'add it',
      })),
    ...others
      .filter((key) => strategy[key] !== undefined)
      .map((key) => ({
        key: `${at}.${key}`,
        message: `unknown key ${at}.${key}, allowed beside "${named}": ${wanted.join(', ')}`,
        fix: 'remove it',
      })),
  ];
}

function exchangeProblems({ exchange }: SystemConfig): Problem[] {
  const problems: Problem[] = [];
  if (exchange.source === 'replay' && exchange.replay_paths.length === 0) {
    problems.push({
      key: 'exchange.replay_paths',
      message: 'exchange.replay_paths is an empty list, allowed with source "replay": at least one path',
      fix: 'name the tick files or choose another source',
    });
  }
  if (isZero(exchange.starting_cash)) {
    problems.push({
      key: 'exchange.starting_cash',
      message: `exchange.starting_cash is "${exchange.starting_cash}", allowed: more than 0`,
      fix: 'give the account some cash',
    });
  }
  return problems;
}

const isZero = (decimal: string): boolean => scaled(decimal) === 0n;
