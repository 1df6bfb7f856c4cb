import { readdirSync } from 'node:fs';
import { isAbsolute, relative } from 'node:path';
import { scaled } from './decimal.ts';
import { readRuntimeEnv, type EnvSource } from './env.ts';
import { errorCode, UserError } from './errors.ts';
import { inspectRiskLimits } from './load/risk-limits.ts';
import { inspectSystemConfig } from './load/system.ts';
import { checkCredentials } from './policy/check.ts';
import { collectScanFiles, readSecretFiles } from './policy/files.ts';
import type { GateEvidence, PolicyReport, ScanFile } from './policy/types.ts';
import type { RiskLimits } from './schema/risk-limits.ts';
import type { Environment, SystemConfig } from './schema/system.ts';

export interface ValidateInput {
  configDir: string;
  environment: Environment;
  /** The raw environment, secrets included. */
  env: EnvSource;
  /** The repository: everything in it is searched for keys. Without it only `configDir` is. */
  root?: string | undefined;
  gate?: GateEvidence | undefined;
  /** A repository that holds nothing of this configuration is judged without it; one that holds a part needs all of it. */
  mayBeWithoutConfig?: boolean | undefined;
}

export interface ValidateProblem {
  /** `CONFIG_UNREADABLE`, `CONFIG_SYNTAX`, `CONFIG_INVALID`, `ENV_INVALID`. */
  code: string;
  /** A file, `file: key`, or the environment. */
  where: string;
  message: string;
  fix: string;
}

export interface ValidateReport {
  /** No problem and no finding. */
  ok: boolean;
  environment: Environment;
  /** What is wrong with files and variables, all of it. */
  problems: ValidateProblem[];
  /** What the credential policy says, offline; `probeCredentials` asks the rest. */
  policy: PolicyReport;
  /** There is none, and there may be none. */
  isWithoutConfig: boolean;
  scanned: { files: number; characters: number };
  /** Where they could be read. */
  system?: SystemConfig;
  riskLimits?: RiskLimits;
}

/**
 * Loads the whole configuration of an environment and applies the credential policy. It reports all problems
 * rather than the first and throws for none of them. Nothing is asked over a network.
 */
export function validateAll(input: ValidateInput): ValidateReport {
  const { configDir, environment, env, root, gate, mayBeWithoutConfig = false } = input;
  const isWithout = mayBeWithoutConfig && !holdsConfig(configDir);
  const system = isWithout ? NOTHING : inspectSystemConfig(configDir, environment);
  const risk = isWithout ? NOTHING : inspectRiskLimits(configDir, environment);
  const files = scanFiles(configDir, root);
  const problems: ValidateProblem[] = [...system.problems, ...risk.problems].map(
    ({ code, file, key, message, fix }) => {
      return { code, where: key === '' ? file : `${file}: ${key}`, message, fix };
    },
  );
  if (system.value !== undefined) problems.push(...runtimeProblems(env, system.value));
  if (system.value !== undefined && risk.value !== undefined) problems.push(...crossProblems(system.value, risk.value));
  const policy = checkCredentials({
    environment,
    env,
    files: [...files, ...readSecretFiles(env, files)],
    system: system.value,
    gate,
  });
  return {
    ok: problems.length === 0 && policy.ok,
    environment,
    problems,
    policy,
    isWithoutConfig: isWithout,
    scanned: { files: files.length, characters: files.reduce((sum, { content }) => sum + content.length, 0) },
    ...(system.value === undefined ? {} : { system: system.value }),
    ...(risk.value === undefined ? {} : { riskLimits: risk.value }),
  };
}

const NOTHING = { problems: [], value: undefined };
/** Of every environment: a file with another one's name is a mistake, and not another kind of repository. */
const CONFIG_FILE = /^(?:system\..*\.json|risk_limits.*\.toml|gate\..*\.json)$/;

function holdsConfig(configDir: string): boolean {
  try {
    return readdirSync(configDir).some((name) => CONFIG_FILE.test(name));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    // What cannot be looked into may hold one.
    return true;
  }
}

function scanFiles(configDir: string, root: string | undefined): ScanFile[] {
  if (root === undefined) return collectScanFiles(configDir);
  const within = relative(root, configDir);
  const inside = !isAbsolute(within) && !within.startsWith('..');
  return [...collectScanFiles(root), ...(inside ? [] : collectScanFiles(configDir))];
}

/** Wrong types of variables. DRY_RUN and ALPACA_PAPER are left to the policy, which says more about them. */
function runtimeProblems(env: EnvSource, system: SystemConfig): ValidateProblem[] {
  const { DRY_RUN: _dryRun, ALPACA_PAPER: _paper, ...rest } = env;
  const known = new Set(['ALPACA_API_KEY', 'ALPACA_SECRET_KEY']);
  const others = Object.fromEntries(Object.entries(rest).filter(([name]) => !known.has(name.replace(/_FILE$/, ''))));
  try {
    readRuntimeEnv(others, system);
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [{ code: error.code, where: 'the environment', message: error.message, fix: error.fix ?? 'correct it' }];
  }
}

/** What only shows when files are laid side by side. */
function crossProblems(system: SystemConfig, risk: RiskLimits): ValidateProblem[] {
  const limit = risk.order_validation.max_order_quantity;
  return system.strategies
    .filter(({ quantity }) => scaled(quantity) > scaled(limit))
    .map(({ name, quantity }) => ({
      code: 'CONFIG_INVALID',
      where: `strategy "${name}"`,
      message: `strategy "${name}" orders ${quantity} at a time, allowed: at most order_validation.max_order_quantity, which is ${limit}`,
      fix: 'lower the quantity of the strategy or raise the limit',
    }));
}
