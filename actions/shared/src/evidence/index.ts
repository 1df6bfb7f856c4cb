import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';

/** The steps of delivery, in order. */
export const STAGES = ['validate', 'build', 'push', 'deploy', 'smoke', 'load', 'gate', 'promote'] as const;
export const StageNameSchema = Type.Enum([...STAGES]);
export type StageName = (typeof STAGES)[number];

/** One thing that a stage looked at, with what it saw and what it wanted to see. */
export const CheckSchema = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    status: Type.Enum(['passed', 'failed']),
    /** What was seen. */
    observed: Type.Optional(Type.Union([Type.Number(), Type.String()])),
    /** What had to hold, in words: `<= 100`. */
    limit: Type.Optional(Type.String()),
    /** Unit of `observed` and `limit`: `ms`, `%`, `1/s`. */
    unit: Type.Optional(Type.String()),
    /** Why it failed, or what else is worth knowing. */
    detail: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
export type Check = Static<typeof CheckSchema>;

const Outcome = {
  status: Type.Enum(['passed', 'failed', 'skipped']),
  checks: Type.Array(CheckSchema),
  /** Whatever else the report shows: numbers, series, versions. Never a secret. */
  data: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  /** Files that the stage left, relative to the run's folder. */
  files: Type.Optional(Type.Array(Type.String())),
};

/** What a stage returns to the engine. */
export const StageResultSchema = Type.Object(Outcome, { additionalProperties: false });
export type StageResult = Static<typeof StageResultSchema>;

/** What a stage leaves for the gate: its result, bound to one manifest and one commit. Times are RFC 3339 UTC. */
export const EvidenceSchema = Type.Object(
  {
    schema: Type.Literal(1),
    stage: StageNameSchema,
    manifest_digest: Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }),
    commit: Type.String({ pattern: '^[0-9a-f]{40}([0-9a-f]{24})?$' }),
    started_at: Type.String({ minLength: 20 }),
    finished_at: Type.String({ minLength: 20 }),
    ...Outcome,
  },
  { additionalProperties: false },
);
export type Evidence = Static<typeof EvidenceSchema>;

/** What the gate answers. `reasons` is empty only with `pass`. */
export interface GateDecision {
  decision: 'pass' | 'block';
  reasons: string[];
}

/** How far a running stage is; `fraction` (0…1) only where the stage can tell. */
export interface Progress {
  message: string;
  fraction?: number;
}
export type OnProgress = (progress: Progress) => void;

/** Base URLs of the services that a stage talks to. `paper-exchange` is absent where the market is real. */
export type ServiceUrls = Partial<Record<string, string>>;

export interface EvidenceBinding {
  stage: StageName;
  manifestDigest: string;
  commit: string;
  startedAt: Date;
  finishedAt: Date;
}

/** Binds a stage's result to the manifest and the commit that it was gained with. */
export function bindEvidence(result: StageResult, binding: EvidenceBinding): Evidence {
  return {
    schema: 1,
    stage: binding.stage,
    manifest_digest: binding.manifestDigest,
    commit: binding.commit,
    started_at: binding.startedAt.toISOString(),
    finished_at: binding.finishedAt.toISOString(),
    ...result,
  };
}

export function isEvidence(value: unknown): value is Evidence {
  return Value.Check(EvidenceSchema, value);
}
