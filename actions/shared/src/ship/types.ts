import type { Environment, EnvSource, Secret } from '@papergate/config';
import type { Diagnosis } from '../deliver/diagnosis.ts';
import type { DeliverEvent } from '../deliver/events.ts';
import type { Evidence, GateDecision, OnProgress, ServiceUrls, StageName, StageResult } from '../evidence/index.ts';
import type { RunRecord } from '../evidence/run.ts';
import type { Home } from '../home/index.ts';
import type { PlaceChoice } from './place/choice.ts';

/** Where and how a run is delivered that does not stay in the foreground of its command. */
export interface ShipPlaceOptions {
  choice: PlaceChoice;
  /** `host/namespace` of the registry; undefined: that of the place, else ghcr.io by the checkout's remote. */
  registry?: string;
  /** Base images, by digest. */
  nodeImage?: string;
  postgresImage?: string;
  monitoring?: boolean;
  /** File of the cosign key that the release is signed with. */
  signKey?: string;
  /** File of the public key that every release of this place has to be signed with from now on. */
  requireSignature?: string;
}

export type LoadChoice = 'full' | 'quick' | 'none';

export interface ShipOptions {
  /** The checkout that holds the commit. */
  repository: string;
  home: Home;
  environment: Exclude<Environment, 'production'>;
  /** Any name of a commit; it is shipped as it is in git, whatever the working tree looks like. */
  sha: string;
  load: LoadChoice;
  ports: 'default' | 'free';
  /** Leave staging up and return. */
  detach: boolean;
  /** Where the report is copied to as well. */
  report?: string;
  /** The caller's environment, raw: the credential policy wants all of it. */
  env: EnvSource;
  /** Aborted when the caller wants to stop. */
  signal: AbortSignal;
  /** Aborted when the caller does not want to wait for it. */
  hurry: AbortSignal;
  /** What the lease says about us. */
  command: string;
  /** Evidence older than this does not count, ms. */
  maxEvidenceAgeMs: number;
  /** Undefined: a staging of processes here. */
  place?: ShipPlaceOptions;
}

export type StageOutcome = 'passed' | 'failed' | 'skipped' | 'interrupted';

/** What happens, told as it happens. */
export type ShipEvent =
  | { type: 'run'; run_id: string; dir: string; environment: string }
  | { type: 'commit'; commit: string; subject: string; uncommitted_changes: boolean }
  | { type: 'note'; message: string }
  | { type: 'stage'; stage: StageName; state: 'started' }
  | { type: 'stage'; stage: StageName; state: StageOutcome; duration_ms: number; summary?: string }
  | { type: 'progress'; stage: StageName; message: string; fraction?: number }
  | { type: 'gate'; decision: GateDecision['decision']; reasons: string[] }
  | { type: 'report'; html: string; json: string; summary: string }
  /** Steps of the delivery engine, within the stages deploy and smoke. */
  | { type: 'delivery'; event: DeliverEvent }
  /** What is known of a delivery that failed; `text` for people. */
  | { type: 'diagnosis'; diagnosis: Diagnosis; text: string }
  /** `flags`: what a command needs to mean this place. */
  | {
      type: 'staging';
      state: 'up' | 'stopping' | 'stopped';
      urls?: ServiceUrls;
      detached?: boolean;
      flags?: string;
      reason?: string;
    };

export interface SmokeCall {
  releaseDir: string;
  urls: ServiceUrls;
  token: Secret | undefined;
  env: EnvSource;
  /** In production it only looks. Left out: any other. */
  environment?: Environment;
  onProgress: OnProgress;
  signal: AbortSignal;
}

export interface LoadCall extends SmokeCall {
  profile: 'full' | 'quick';
  outDir: string;
}

export interface GateCall {
  manifestDigest: string;
  commit: string;
  evidence: Evidence[];
  /** ms since 1970. */
  now: number;
  maxAgeMs: number;
  required: StageName[];
}

/** The stages that other folders carry out; passed in, so that tests can put small ones in their place. */
export interface ShipStages {
  runSmoke(call: SmokeCall): Promise<StageResult>;
  runLoad(call: LoadCall): Promise<StageResult>;
  decideGate(call: GateCall): GateDecision;
  writeReport(call: { dir: string; run: RunRecord }): Promise<ReportFiles> | ReportFiles;
}

export interface ReportFiles {
  html: string;
  json: string;
  summary: string;
}

export interface ShipOutcome {
  exitCode: number;
  run: RunRecord;
  dir: string;
  report?: ReportFiles;
  /** Present while staging is up in the foreground. */
  staging?: StagingHandle;
}

export interface StagingHandle {
  urls: ServiceUrls;
  /** Settles when staging is gone, with the reason. */
  ended: Promise<string>;
  stop(reason: string): Promise<void>;
}
