import { Type, type Static } from 'typebox';
import type { Manifest } from '../release/manifest.ts';
import type { Checkpoint } from '../database/types.ts';
import type { GateConfig } from './config.ts';
import type { PromotionGitHub } from './github.ts';
import type { PrometheusReader } from './prometheus/client.ts';

/**
 * When the gate is asked: before the job in the environment (one approver is still to come, which is GitHub's own) or in
 * it, after the approval and the wait timer.
 */
export const MOMENTS = ['before-approval', 'after-approval'] as const;
export type Moment = (typeof MOMENTS)[number];

/** Why a rule blocks. */
export interface Problem {
  /** Stable, upper-case, for programs: `SOAK_TOO_SHORT`. */
  code: string;
  /** What was seen, and what it means. One line. */
  message: string;
}

/** What a rule says of a release. It blocks where there is a problem. */
export interface Judgement {
  /** What was seen, for people: `51 h`. */
  seen: string;
  wanted: string;
  problems: readonly Problem[];
}

export const RULE_NAMES = [
  'real-run',
  'clock',
  'staging-proof',
  'evidence',
  'load-regression',
  'soak',
  'monitoring',
  'alerts',
  'error-log',
  'dependency-audit',
  'image-audit',
  'attestation',
  'decision-record',
  'rollback-plan',
  'on-call',
  'environment-reviewers',
  'environment-self-review',
  'environment-wait-timer',
  'environment-bypass',
  'environment-branches',
  'approvers',
  'wait-timer',
] as const;
export type RuleName = (typeof RULE_NAMES)[number];

/** One thing that has to hold before production opens. */
export interface Rule<N extends RuleName = RuleName> {
  name: N;
  /** For people, a few words. */
  title: string;
  /** Where its answer comes from, for people. */
  source: string;
  /** False: no reason in the world waives it. */
  waivable: boolean;
  /** Every code that it blocks with, and what each means. */
  codes: Readonly<Record<string, string>>;
  /** Whatever it throws blocks as well, under the error's own code. */
  judge(context: GateContext, config: GateConfig[N]): Promise<Judgement>;
}

/** Who is on call: `from` and `until` are RFC 3339 UTC. */
export const ON_CALL_SCHEMA = Type.Array(
  Type.Object(
    { who: Type.String({ minLength: 1 }), from: Type.String(), until: Type.String() },
    { additionalProperties: false },
  ),
);
export type OnCall = Static<typeof ON_CALL_SCHEMA>[number];

/** What was left for the gate in files. Each throws where it is not there or cannot be read. */
export interface GateFiles {
  /** Staging's evidence of the release, as it was read: unproven. */
  evidence(): Promise<readonly unknown[]>;
  /** The evidence that the last good release of production passed with, and the digest of its manifest. */
  baseline(): Promise<{ manifestDigest: string; evidence: readonly unknown[] }>;
  /** Of `npm audit`, in its wrapping. */
  dependencyAudit(): Promise<unknown>;
  /** Results of scanners by the name of their file. */
  imageAudits(): Promise<ReadonlyMap<string, unknown>>;
  /** Decision records in a folder of the checkout, by the name of their file. */
  decisionRecords(folder: string): Promise<ReadonlyMap<string, string>>;
  /** The commit that a tag of the checkout leads to; undefined where there is no such tag. */
  commitOfTag(tag: string): Promise<string | undefined>;
  /** Checkpoints of the database, newest first; what cannot be read is among `broken`. */
  checkpoints(): Promise<{ checkpoints: readonly Checkpoint[]; broken: readonly string[] }>;
  onCall(): Promise<readonly OnCall[]>;
  /** Critical alerts that are written down for staging. */
  criticalAlerts(): Promise<readonly string[]>;
  /** Trusted root of Sigstore, as `gh attestation trusted-root` prints it, one JSON a line. */
  trustedRoot(): Promise<string>;
}

/** What a release is judged by. */
export interface GateContext {
  manifest: Manifest;
  /** `owner/name`. */
  repository: string;
  /** `https://github.com`. */
  serverUrl: string;
  /** The run that wants to promote. */
  runId: number;
  moment: Moment;
  /** True under nektos/act. */
  act: boolean;
  /** Tag or number of the release, where it has one. */
  version: string | undefined;
  config: GateConfig;
  /** ms since 1970, by GitHub's clock. @throws where GitHub does not say */
  now(): Promise<number>;
  github: PromotionGitHub;
  /** @throws UserError where there is none */
  prometheus(): PrometheusReader;
  files: GateFiles;
}
