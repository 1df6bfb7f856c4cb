import { join } from 'node:path';
import {
  probeCredentials,
  readSecret,
  Secret,
  UserError,
  validateAll,
  type Environment,
  type EnvSource,
  type Finding,
  type GateEvidence,
  type ValidateProblem,
} from '@papergate/config';
import { loadRolloutPlan, ROLLOUT_CONFIG_FILE } from '../rollout/config.ts';
import { judgedEnvironment } from './credentials.ts';

export interface ValidateOutcome {
  ok: boolean;
  environment: Environment;
  problems: ValidateProblem[];
  findings: Finding[];
  /** Ids of the rules that were applied. */
  checked: string[];
  notes: string[];
}

/** Configuration and credentials of the working tree as it stands; with `probe` the hosts are asked about the key. */
export async function validateCheckout(options: {
  repository: string;
  environment: Environment;
  env: EnvSource;
  probe: boolean;
  signal: AbortSignal;
  /** Production only. */
  gate?: GateEvidence | undefined;
  /** True: a repository without any configuration of this kind is judged without it, which is noted. */
  mayBeWithoutConfig?: boolean;
}): Promise<ValidateOutcome> {
  const { repository, environment, env, mayBeWithoutConfig } = options;
  const judged = judgedEnvironment(environment, env);
  const report = validateAll({
    configDir: join(repository, 'config'),
    environment,
    env: judged.env,
    root: repository,
    gate: options.gate,
    mayBeWithoutConfig,
  });
  const outcome: ValidateOutcome = {
    ok: report.ok,
    environment,
    problems: report.problems,
    findings: report.policy.findings,
    checked: report.policy.checked,
    notes: [...report.policy.notes],
  };
  if (report.isWithoutConfig)
    outcome.notes.push(
      'the checkout holds no configuration of Papergate (config/system.*.json): there was none to judge',
    );
  const baseUrl = env['ALPACA_BASE_URL'] ?? report.system?.alpaca.base_url;
  const unsound = rolloutProblems(options, report.system?.symbols);
  outcome.problems.push(...unsound);
  outcome.ok &&= unsound.length === 0;
  if (judged.demo && !bringsSimulator(env))
    outcome.notes.push('keys: those made for a run; they open nothing but its simulator, so no host was asked');
  else if (!options.probe) outcome.notes.push('the probe was left out: no host was asked about the key');
  else if (!report.ok || baseUrl === undefined)
    outcome.notes.push('no host was asked about the key, because of what is listed above');
  else {
    const asked = await probeCredentials(
      {
        environment,
        baseUrl,
        key: readSecret(env, 'ALPACA_API_KEY') ?? new Secret(''),
        secret: readSecret(env, 'ALPACA_SECRET_KEY') ?? new Secret(''),
      },
      { signal: options.signal },
    );
    outcome.ok &&= asked.ok;
    outcome.findings.push(...asked.findings);
    outcome.checked.push(...asked.checked);
    outcome.notes.push(...asked.notes);
  }
  return outcome;
}

/** How production is rolled out has to be sound before anything is built that could be. */
function rolloutProblems(
  { repository, environment }: { repository: string; environment: Environment },
  symbols: readonly string[] | undefined,
): ValidateProblem[] {
  if (environment !== 'production' || symbols === undefined) return [];
  try {
    loadRolloutPlan(join(repository, 'config'), symbols);
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { code, message, fix = 'mend it' } = error;
    return [{ code, where: join(repository, 'config', ROLLOUT_CONFIG_FILE), message, fix }];
  }
}

/** Keys and an address of the caller's own: in development that is a simulator which can be asked. */
const bringsSimulator = (env: EnvSource): boolean =>
  env['ALPACA_BASE_URL'] !== undefined &&
  ['ALPACA_API_KEY', 'ALPACA_SECRET_KEY'].every((name) => env[name] !== undefined || env[`${name}_FILE`] !== undefined);
