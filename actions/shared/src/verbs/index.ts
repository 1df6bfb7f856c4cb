export { carryOut, DELIVERY_OUTPUTS, type CarryOut, type DeliveryJob } from './carry-out.ts';
export { demandGateOf, readGateEvidence } from './gate-evidence.ts';
export { flowOf, reportRollOut, rollOutRelease, type RolledOut, type RollOutRelease } from './roll-out.ts';
export { annotateFailures, clipped, checkTable, failuresText, failureText, withUnit } from './checks.ts';
export { DeliveryWatch, goBack, isDelivered, movingBy, outcomeOfDelivery, reportDelivery } from './delivery.ts';
export {
  DeploymentRecord,
  recordGoneBack,
  digestsOfManifest,
  githubOf,
  recordMissing,
  type DeploymentApi,
  type RecordOptions,
} from './deployment.ts';
export {
  BASE_INPUTS,
  DELIVERY_PLACE_INPUTS,
  DELIVERY_SECRET_INPUTS,
  EVIDENCE_INPUT,
  githubEnvironment,
  PLACE_INPUTS,
  RECORD_INPUTS,
  REGISTRY_INPUTS,
  SECRET_INPUTS,
  type PlaceInputs,
  type RecordInputs,
  type RegistryInputs,
  type SecretInputs,
} from './inputs.ts';
export {
  warnOfPassing,
  inInputs,
  inputWords,
  openHome,
  openHomeOf,
  refuseProductionUnderAct,
  placeOf,
  stagesOf,
  stray,
  withOpenPlace,
  withSecrets,
} from './place.ts';
export type { VerbJob } from './place.ts';
export { PrivateFolder, removePrivateFolder } from './private.ts';
export { keepEvidence, timed, type RunFacts, type StageRun } from './record.ts';
export { checkLogin, loggedIn, registryNamespace } from './registry-login.ts';
export {
  lookAtRunning,
  RUNNING_INPUTS,
  type Looked,
  type Running,
  type RunningInputs,
  type RunningJob,
} from './running.ts';
