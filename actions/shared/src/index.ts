export * from './evidence/index.ts';
export type { MachineFacts, RunRecord, StageTiming } from './evidence/run.ts';
export * from './postgres/index.ts';
export { homeOf, makeHome, writeAtomic, type Home } from './home/index.ts';
export { acquireLease, leaseHolder, type Holder, type Lease } from './lease/index.ts';
export { Journal, openSteps, readJournal, type JournalEntry } from './journal/index.ts';
export { resolveCommit, type Commit, type Manifest, type Release } from './release/index.ts';
export { readableLine, lastLines } from './supervisor/log-file.ts';
export { redact } from './supervisor/redact.ts';
export { machineEnvironment } from './supervisor/machine-env.ts';
export { askStatus, askStop } from './supervisor/client.ts';
export { endOrphans, readProcessRecord } from './supervisor/processes.ts';
export type { ServiceStatus, StagingStatus, SupervisorEvent } from './supervisor/status.ts';
export { INTERRUPTED, ship } from './ship/ship.ts';
export * from './ship/types.ts';
export { copyReport, findRun, readEvidence, RunStore } from './ship/run-store.ts';
export { providePackages } from './release/index.ts';
export { run, type RunResult } from './process/run.ts';
export { Guard } from './guard/index.ts';
export { endProcess } from './process/end.ts';
export { isRunning, identify, startOf, type ProcessId } from './process/facts.ts';
export { waitFor } from './process/wait.ts';
export { INSTALLED_STAGES } from './ship/stages/installed.ts';
export { rerunGate, rerunStage, type Rerun } from './ship/rerun.ts';
export { validateCheckout, type ValidateOutcome } from './ship/validate-checkout.ts';
export { portHolder } from './net/port-holder.ts';
export { freePorts } from './net/free-port.ts';
export { findBinaries as findPostgres } from './postgres/binaries.ts';
export { findTool, TOOLS, type FoundTool, type ToolName } from './tools/index.ts';
export { renderConfig, type RenderedConfig } from './deploy/config.ts';
export { planDeploy, urlsOf } from './deploy/plan.ts';
export { startSupervisor, type SupervisorHandle } from './supervisor/client.ts';
export {
  containers,
  CONTAINERS_VARIABLE,
  containersCache,
  ensureContainers,
  type ContainerEnvironment,
  type Containers,
  type EnsureOptions,
} from './testing/containers/index.ts';
export { PRODUCTION_SMOKE_CHECKS, REQUIRED_SMOKE_CHECKS } from './smoke/required.ts';
export { bundlePrograms, makeRelease, removePrograms } from './release/index.ts';
export { checkManifest, imageName, sealManifest, withImages, type ImageRef } from './release/manifest.ts';
export {
  localHost,
  parseSshUrl,
  sshHost,
  type LocalHostOptions,
  type SshAddress,
  type SshHostOptions,
} from './host/index.ts';
export type * from './host/types.ts';
export * from './registry/index.ts';
export * from './deliver/index.ts';
export * from './ship/place/index.ts';
export { rerunAtPlace } from './ship/placed/rerun.ts';
export { checkpoint, listCheckpoints, runDue, schedule, verifyCheckpoint, type Checkpoint } from './database/index.ts';
export { startSshd, type TestSshd } from './host/testing/sshd.ts';
export * from './bus-keys/index.ts';
export * from './composition/index.ts';
export { exportMetrics, importMetrics } from './metrics/index.ts';
export * from './images/index.ts';
export { applicationsBefore, databaseFacts, layOlderApplication, type OlderApplication } from './database/index.ts';
export { databaseOf as stagingDatabase } from './targets/process/database.ts';
export { evidenceFolder, EvidenceStore, pruneEvidence } from './evidence/store.ts';
export * from './action/index.ts';
export { buildBundle, pushBundle, type BuiltBundle, type BundleOptions } from './ship/placed/bundle.ts';
export { deployEvidence, withRestarts } from './ship/placed/evidence.ts';
export { describeFailure } from './ship/placed/describe.ts';
export { buildRelease } from './ship/stages/build.ts';
export { validateRelease, type RunCredentials } from './ship/stages/validate.ts';
export * from './github/index.ts';
export { runProgram, toolCache, type FindToolOptions } from './tools/index.ts';
export * from './verbs/index.ts';
export { liesOnBranch } from './release/ancestry.ts';
export { sourceOf as releaseSource } from './ship/place/source.ts';
export * from './promotion/index.ts';
export { SUITES, suitesOf } from './load/index.ts';
export { holds } from './gate/limit.ts';
export { SECRET_VARIABLES } from './verbs/inputs.ts';
export { digestOf } from './release/digest.ts';
export { testJob, type ActionEnd, type ActOptions, type TestJob } from './verbs/testing/action-process.ts';
export { decideGate, type GateInput } from './gate/index.ts';
export { sshKeyText } from './verbs/private.ts';
export * from './rollout/index.ts';
export { html, type Markup } from './report/markup.ts';
export { STYLE as REPORT_STYLE } from './report/html/style.ts';
export { linear } from './report/plots/scale.ts';
export { keepBrokenOff, keptTimed, type StageToKeep } from './verbs/stage.ts';
export { DeliveryTimes, keptDelivery, type KeptDelivery } from './verbs/kept-delivery.ts';
export { startLiveStandIn, type LiveStandIn } from './verbs/testing/live-stand-in.ts';
