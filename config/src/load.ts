import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse as parseToml, TomlError } from 'smol-toml';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { messageOf, UserError } from './errors.ts';
import { RiskLimitsSchema, type RiskLimits } from './schema/risk-limits.ts';
import { SystemConfigSchema, type Environment, type SystemConfig } from './schema/system.ts';

/** Reads a text file; errors name the file and say what to do, whatever the reason. */
export function readTextFile(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError({
      code: 'CONFIG_UNREADABLE',
      message: `${what} ${path} cannot be read: ${messageOf(error)}`,
      fix: 'check that the file exists and that this user may read it',
      cause: error,
    });
  }
}

export function parseJsonFile(path: string): unknown {
  const text = readTextFile(path, 'configuration file');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError({
      code: 'CONFIG_SYNTAX',
      message: `${path} is not JSON: ${messageOf(error)}`,
      fix: 'mend the file at the place that is named',
      cause: error,
    });
  }
}

export function parseTomlFile(path: string): Record<string, unknown> {
  const text = readTextFile(path, 'configuration file');
  try {
    return parseToml(text);
  } catch (error) {
    const at = error instanceof TomlError ? ` (line ${error.line}, column ${error.column})` : '';
    throw new UserError({
      code: 'CONFIG_SYNTAX',
      message: `${path} is not TOML${at}: ${messageOf(error).split('\n')[0]}`,
      fix: 'mend the file at the place that is named',
      cause: error,
    });
  }
}

/** Checks a value against a schema; a refusal names the file, the key, what was found and what is allowed. */
export function checkShape<T extends TSchema>(schema: T, value: unknown, file: string): Static<T> {
  if (Value.Check(schema, value)) return value;
  const problems = [...Value.Errors(schema, value)].map((problem) => explain(problem, value));
  throw new UserError({
    code: 'CONFIG_INVALID',
    message: `${file}: ${[...new Set(problems)].slice(0, 10).join('; ')}`,
    fix: 'correct the keys that are named',
  });
}

interface ShapeProblem {
  keyword: string;
  instancePath: string;
  message: string;
  params: unknown;
}

function explain(problem: ShapeProblem, root: unknown): string {
  const key = problem.instancePath.slice(1).replaceAll('/', '.') || '(the whole file)';
  const params = problem.params as Record<string, unknown>;
  const found = Value.Pointer.Get(root, problem.instancePath);

  switch (problem.keyword) {
    case 'additionalProperties':
      return `unknown key ${list(params['additionalProperties'], key)}`;
    case 'required':
      return `missing key ${list(params['requiredProperties'], key)}`;
    case 'enum':
      return `${key} is ${show(found)}, allowed: ${(params['allowedValues'] as unknown[]).map(show).join(', ')}`;
    case 'pattern':
      return `${key} is ${show(found)}, allowed: text that matches ${String(params['pattern'])}`;
    case 'type':
      return `${key} is ${show(found)}, allowed: ${String(params['type'])}`;
    default:
      return `${key} is ${show(found)}: ${problem.message}`;
  }
}

function list(names: unknown, parent: string): string {
  const prefix = parent.startsWith('(') ? '' : `${parent}.`;
  return (Array.isArray(names) ? names : [names]).map((name) => `${prefix}${String(name)}`).join(', ');
}

function show(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

export function loadSystemConfig(configDir: string, environment: Environment): SystemConfig {
  const file = join(configDir, `system.${environment}.json`);
  const system = checkShape(SystemConfigSchema, parseJsonFile(file), file);
  if (system.environment !== environment) {
    throw new UserError({
      code: 'CONFIG_INVALID',
      message: `${file}: environment is "${system.environment}", allowed: "${environment}"`,
      fix: 'the key must repeat the environment in the file’s name',
    });
  }
  checkPorts(system, file);
  checkStrategies(system, file);
  return system;
}

function checkPorts(system: SystemConfig, file: string): void {
  const taken = new Map<number, string>([[system.database.port, 'database.port']]);
  for (const [name, service] of Object.entries(system.services)) {
    for (const [key, port] of Object.entries(service)) {
      if (typeof port !== 'number') continue;
      const where = `services.${name}.${key}`;
      const other = taken.get(port);
      if (other !== undefined) {
        throw new UserError({
          code: 'CONFIG_INVALID',
          message: `${file}: ${where} and ${other} are both ${port}`,
          fix: 'give each its own port',
        });
      }
      taken.set(port, where);
    }
  }
}

function checkStrategies(system: SystemConfig, file: string): void {
  const names = new Set<string>();
  for (const strategy of system.strategies) {
    if (names.has(strategy.name)) {
      throw new UserError({
        code: 'CONFIG_INVALID',
        message: `${file}: two strategies are named "${strategy.name}"`,
        fix: 'names are part of every client_order_id and must differ',
      });
    }
    names.add(strategy.name);
    const unknown = strategy.symbols.filter((symbol) => !system.symbols.includes(symbol));
    if (unknown.length > 0) {
      throw new UserError({
        code: 'CONFIG_INVALID',
        message: `${file}: strategy "${strategy.name}" trades ${unknown.join(', ')}, which "symbols" does not list`,
        fix: 'add the symbols to "symbols" or drop them from the strategy',
      });
    }
  }
}

/** `risk_limits.toml` with `risk_limits.<environment>.toml`, where there is one, laid over it key by key. */
export function loadRiskLimits(configDir: string, environment: Environment): RiskLimits {
  const base = join(configDir, 'risk_limits.toml');
  const over = join(configDir, `risk_limits.${environment}.toml`);
  const merged = overlay(parseTomlFile(base), optionalToml(over));
  return checkShape(RiskLimitsSchema, merged, merged === undefined ? base : `${base} with ${over}`);
}

function optionalToml(path: string): Record<string, unknown> {
  try {
    return parseTomlFile(path);
  } catch (error) {
    const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
    if (cause?.code === 'ENOENT') return {};
    throw error;
  }
}

function overlay(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isTable(below) && isTable(value) ? overlay(below, value) : value;
  }
  return merged;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
