import type { EnvSource } from '../env.ts';
import type { Environment, SystemConfig } from '../schema/system.ts';

/** One file to be scanned. `problem` says why its content is not (all) here; the policy then blocks in doubt. */
export interface ScanFile {
  path: string;
  content: string;
  problem?: string;
}

/**
 * What the production gate leaves behind when it says pass. Whether it is fresh is the gate's own
 * business: a service that restarts a month later runs on the same evidence.
 */
export interface GateEvidence {
  approved: true;
  /** The commit that was approved, 40 hexadecimal digits. */
  commit: string;
  /** `sha256:` and 64 hexadecimal digits: the manifest that was approved. */
  manifest_digest: string;
  /** Who approved; at least one. */
  approved_by: readonly string[];
  /** RFC 3339, UTC. */
  approved_at: string;
}

export interface PolicyInput {
  environment: Environment;
  /** The raw environment, secrets included. */
  env: EnvSource;
  /**
   * Configuration, compose files, `.env` files, manifests, workflows; and under the path that a `<NAME>_FILE`
   * variable holds, the content of that file (see `readSecretFiles`).
   */
  files?: readonly ScanFile[] | undefined;
  system?: SystemConfig | undefined;
  /** Production only: without it production is refused. */
  gate?: GateEvidence | undefined;
}

export interface Finding {
  /** Stable id of the rule; `config/README.md` lists all. */
  rule: string;
  /** Name of a variable, `file:line`, or a path in the system configuration such as `alpaca.base_url`. */
  where: string;
  /** One sentence, without any secret or part of one. */
  message: string;
  /** What to do now. */
  fix: string;
}

export interface PolicyReport {
  /** True only without any finding. */
  ok: boolean;
  environment: Environment;
  findings: Finding[];
  /** Ids of the rules that were applied. */
  checked: string[];
  /** What was left out on purpose, for people. */
  notes: string[];
}

/** What a rule says before its id is put to it. */
export type RuleFinding = Omit<Finding, 'rule'>;
