import { join } from 'node:path';
import { RiskLimitsSchema, type RiskLimits } from '../schema/risk-limits.ts';
import type { Environment } from '../schema/system.ts';
import { ConfigError, inspect, orThrow, type Inspected } from './problems.ts';
import { isAbsent } from './read.ts';
import { riskLimitProblems } from './risk-checks.ts';
import { inspectShape } from './shape.ts';
import { parseTomlFile } from './toml.ts';

/**
 * `risk_limits.toml` with `risk_limits.<environment>.toml`, where there is one, laid over it key by key.
 * Throws a {@link ConfigError} that tells all that is wrong with them.
 */
export function loadRiskLimits(configDir: string, environment: Environment): RiskLimits {
  return orThrow(inspectRiskLimits(configDir, environment));
}

/**
 * Throws a {@link ConfigError} for what is wrong in the files of a release that may be older than this code. A key
 * that it lacks is none of that: its own services know which ones they need, and the release before must stay a
 * way back when a limit is new.
 */
export function checkRiskLimitsOfRelease(configDir: string, environment: Environment): void {
  const [first, ...others] = inspectRiskLimits(configDir, environment).problems.filter(
    ({ missing }) => missing !== true,
  );
  if (first !== undefined) throw new ConfigError([first, ...others]);
}

export function inspectRiskLimits(configDir: string, environment: Environment): Inspected<RiskLimits> {
  const baseFile = join(configDir, 'risk_limits.toml');
  const overFile = join(configDir, `risk_limits.${environment}.toml`);
  const base = inspect(() => parseTomlFile(baseFile));
  const over = inspect(() => optionalToml(overFile));
  if (base.value === undefined || over.value === undefined) return { problems: [...base.problems, ...over.problems] };

  const overValue = over.value;
  const fileOf = (path: readonly string[]) => (stands(overValue, path) ? overFile : baseFile);
  const shaped = inspectShape(RiskLimitsSchema, overlay(base.value, overValue), fileOf);
  if (shaped.value === undefined) return shaped;
  const problems = riskLimitProblems(shaped.value);
  return {
    value: shaped.value,
    problems: problems.map((problem) => ({ code: 'CONFIG_INVALID', file: fileOf(problem.key.split('.')), ...problem })),
  };
}

function optionalToml(path: string): Record<string, unknown> {
  try {
    return parseTomlFile(path);
  } catch (error) {
    if (isAbsent(error)) return {};
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

function stands(value: unknown, path: readonly string[]): boolean {
  let at = value;
  for (const part of path) {
    if (Array.isArray(at)) return true;
    if (!isTable(at) || !Object.hasOwn(at, part)) return false;
    at = at[part];
  }
  return true;
}
