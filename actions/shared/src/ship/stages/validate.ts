import { join } from 'node:path';
import {
  probeCredentials,
  Secret,
  UserError,
  validateAll,
  type Environment,
  type GateEvidence,
  type PolicyReport,
  type SystemConfig,
  type ValidateReport,
} from '@papergate/config';
import type { Check, StageResult } from '../../evidence/index.ts';
import type { SecretName } from '../../supervisor/plan.ts';
import { judgedEnvironment, settleSecrets } from '../credentials.ts';
import type { ShipOptions } from '../types.ts';

export interface RunCredentials {
  secrets: ReadonlyMap<SecretName, Secret>;
  /** Whether the keys were made for this run. */
  demo: boolean;
}

export interface ValidateOptions extends Pick<ShipOptions, 'env' | 'signal'> {
  environment: Environment;
  /** Production: the commit that is delivered, and what its gate left. */
  behind?: { commit: string; gate: GateEvidence } | undefined;
}

/**
 * The commit's own configuration, and the credentials before the one policy. Real keys are probed here; keys made
 * for the run open only its simulator, which is not up yet: they are probed when it is ({@link probeSimulator}).
 * @throws UserError RELEASE_REFUSED with everything that is wrong, API_TOKEN_MISSING
 */
export async function validateRelease(
  release: string,
  { environment, env, signal, behind }: ValidateOptions,
): Promise<{ result: StageResult; credentials: RunCredentials }> {
  const judged = judgedEnvironment(environment, env);
  const report = validateAll({
    configDir: join(release, 'config'),
    environment,
    env: behind === undefined ? judged.env : { ...judged.env, RELEASE_SHA: behind.commit },
    root: release,
    gate: behind?.gate,
  });
  if (!report.ok || report.system === undefined) throw refusal(report, release);
  const secrets = settleSecrets(environment, env, judged.demo);
  const credentials = { secrets, demo: judged.demo !== undefined };
  const probed = credentials.demo
    ? undefined
    : await probe(report.system, secrets, env['ALPACA_BASE_URL'], environment, signal);
  return { credentials, result: resultOf(report, probed) };
}

/** Asks the simulator of a staging that is up whether the run's keys open its account. */
export async function probeSimulator(
  url: string,
  { secrets, demo }: RunCredentials,
  signal: AbortSignal,
): Promise<Check[]> {
  if (!demo) return [];
  const report = await probeCredentials({ environment: 'development', baseUrl: url, ...pair(secrets) }, { signal });
  return probeChecks(report);
}

async function probe(
  system: SystemConfig,
  secrets: ReadonlyMap<SecretName, Secret>,
  override: string | undefined,
  environment: Environment,
  signal: AbortSignal,
): Promise<PolicyReport> {
  const baseUrl = override ?? system.alpaca.base_url;
  const report = await probeCredentials({ environment, baseUrl, ...pair(secrets) }, { signal });
  signal.throwIfAborted();
  if (report.ok) return report;
  throw new UserError({
    code: 'CREDENTIALS_REFUSED',
    message: `the probe of the keys failed:${listed(report.findings.map(({ rule, message, fix }) => `[${rule}] ${message}; ${fix}`))}`,
    fix: 'mend what is listed and ship again',
  });
}

function pair(secrets: ReadonlyMap<SecretName, Secret>): { key: Secret; secret: Secret } {
  return {
    key: secrets.get('ALPACA_API_KEY') ?? new Secret(''),
    secret: secrets.get('ALPACA_SECRET_KEY') ?? new Secret(''),
  };
}

function resultOf({ environment, policy, scanned }: ValidateReport, probed: PolicyReport | undefined): StageResult {
  const checks: Check[] = [
    { name: `system.${environment}.json`, status: 'passed' },
    { name: `risk_limits.toml for ${environment}`, status: 'passed' },
    { name: 'files searched for keys', status: 'passed', observed: scanned.files, unit: 'files' },
    ...policy.checked.map((rule) => ({ name: `credentials: ${rule}`, status: 'passed' as const })),
    ...(probed === undefined ? [] : probeChecks(probed)),
  ];
  const notes = [
    ...policy.notes,
    ...(probed?.notes ?? ['the keys were made for this run; they are probed at its simulator']),
  ];
  return { status: 'passed', checks, data: { notes } };
}

function probeChecks({ ok, checked, findings }: PolicyReport): Check[] {
  if (ok) return checked.map((rule) => ({ name: `credentials: ${rule}`, status: 'passed' }));
  return findings.map(({ rule, message }) => ({ name: `credentials: ${rule}`, status: 'failed', detail: message }));
}

function refusal({ problems, policy, environment }: ValidateReport, release: string): UserError {
  const shown = (where: string): string => where.replace(`${release}/`, '');
  const lines = [
    ...problems.map(({ message, fix }) => `${shown(message)}; ${fix}`),
    ...policy.findings.map(({ rule, message, fix }) => `[${rule}] ${message}; ${fix}`),
  ];
  return new UserError({
    code: policy.findings.length > 0 ? 'CREDENTIALS_REFUSED' : 'CONFIG_INVALID',
    message: `${environment} cannot be delivered like this (${lines.length} ${lines.length === 1 ? 'problem' : 'problems'}):${listed(lines)}`,
    fix: 'mend what is listed, commit, and ship again; config/README.md explains every rule',
  });
}

const listed = (lines: string[]): string => lines.map((line) => `\n  - ${line}`).join('');
