import type { ProcessId } from '../process/facts.ts';

export type ServiceState = 'waiting' | 'starting' | 'ready' | 'restarting' | 'failed' | 'stopping' | 'stopped';

export interface ServiceStatus {
  name: string;
  state: ServiceState;
  url: string;
  pid: number | null;
  restarts: number;
  /** When the present process started, RFC 3339. */
  since: string | null;
  /** Why it is not ready, or how it last ended. */
  detail: string | null;
  /** The release that it is of; during a hand-over services of two releases run beside each other. */
  manifest_digest: string;
  /** Digest of its artifact in that release's manifest, where the plan names it. */
  digest: string | null;
}

export type SupervisorState = 'starting' | 'up' | 'stopping' | 'stopped';

/** What `papergate status` shows. */
export interface StagingStatus {
  state: SupervisorState;
  run_id: string;
  commit: string;
  manifest_digest: string;
  environment: string;
  pid: number;
  since: string;
  /** Whether it goes on without the command that started it. */
  detached: boolean;
  database: {
    kind: string;
    name: string | null;
    user: string | null;
    port: number | null;
    version: string | null;
    state: string;
  };
  services: ServiceStatus[];
  release_dir: string;
  config_dir: string;
  /** The run that began this staging: its database and its exchange's state are named after it. */
  home_run_id: string;
}

/** Something that happened, for people who look on. */
export interface SupervisorEvent {
  at: string;
  kind: 'step' | 'service' | 'warning';
  service?: string;
  message: string;
}

/** What the supervisor has started, so that a later run can end it if the supervisor cannot. */
export interface RecordedProcess extends ProcessId {
  name: string;
  signal: NodeJS.Signals;
}

/** Messages from the supervisor to the command that started it. */
export type SupervisorMessage =
  | { type: 'event'; event: SupervisorEvent }
  | { type: 'up'; status: StagingStatus }
  | { type: 'failed'; error: { code: string; message: string; fix?: string | undefined; exitCode: number } }
  | { type: 'down'; reason: string };

/** Messages to the supervisor. */
export type SupervisorCommand = { type: 'stop'; reason: string; hurry: boolean } | { type: 'detach' };
