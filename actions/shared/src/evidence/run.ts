import type { Manifest } from '../release/manifest.ts';
import type { Evidence, GateDecision, StageName } from './index.ts';

/** What the machine was on which the figures were gained. */
export interface MachineFacts {
  platform: string;
  cpus: number;
  cpu_model: string;
  memory_bytes: number;
  node: string;
  /** Empty where no database was started. */
  postgres: string;
  k6: string;
}

/** How a stage went in time, also for stages that never came to evidence. */
export interface StageTiming {
  stage: StageName;
  status: 'passed' | 'failed' | 'skipped' | 'interrupted' | 'not reached';
  duration_ms: number;
  /** Why, where it did not pass. */
  reason?: string;
}

/** One run of the chain: everything that `report.json` says. Never holds a secret. Times are RFC 3339 UTC. */
export interface RunRecord {
  schema: 1;
  run_id: string;
  commit: string;
  /** First line of the commit's message. */
  subject: string;
  /** True when the working tree had changes that the release does not contain. */
  uncommitted_changes: boolean;
  environment: string;
  target: string;
  load_profile: 'full' | 'quick' | 'none';
  started_at: string;
  finished_at: string;
  machine: MachineFacts;
  /** Undefined when the run ended before the commit was read. */
  manifest?: Manifest;
  stages: StageTiming[];
  evidence: Evidence[];
  /** Undefined when the run ended before the gate. */
  gate?: GateDecision;
  urls: Record<string, string>;
  /** What ended the run early. */
  error?: { code: string; message: string; fix?: string };
}
