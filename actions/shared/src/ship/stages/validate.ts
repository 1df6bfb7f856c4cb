import { loadRiskLimits, loadSystemConfig, type SystemConfig } from '@papergate/config';
import { join } from 'node:path';
import type { StageResult } from '../../evidence/index.ts';
import { settleCredentials, type RunCredentials } from '../credentials.ts';
import type { ShipOptions } from '../types.ts';

export interface Validated {
  result: StageResult;
  credentials: RunCredentials;
  system: SystemConfig;
}

/** The commit's own configuration, and the credentials, before the one policy. */
export function validateRelease(release: string, { environment, env }: ShipOptions): Validated {
  const configDir = join(release, 'config');
  const system = loadSystemConfig(configDir, environment);
  loadRiskLimits(configDir, environment);
  const credentials = settleCredentials({ environment, env, release, system });
  const { report, demo } = credentials;
  return {
    system,
    credentials,
    result: {
      status: 'passed',
      checks: [
        { name: `system.${environment}.json`, status: 'passed' },
        { name: `risk_limits.toml for ${environment}`, status: 'passed' },
        ...report.checked.map((rule) => ({ name: `credentials: ${rule}`, status: 'passed' as const })),
      ],
      data: { notes: report.notes, keys: demo ? 'demo keys, made for this run' : 'the caller’s paper keys' },
    },
  };
}
