export { actorOf, describeActor, type Actor } from './actor.ts';
export { readAudit, verifyAudit, type AuditEntry, type AuditHead, type AuditVerdict } from './audit.ts';
export type { Clock } from './clock.ts';
export { deliver } from './deliver.ts';
export { renderDiagnosis, type Diagnosis } from './diagnosis.ts';
export { recordAct, takeDown, type TakeDownOptions, type TakeDownOutcome } from './take-down.ts';
export { DeliverError } from './errors.ts';
export type { DeliverEvent } from './events.ts';
export {
  currentManifest,
  goodReleases,
  KEPT_RELEASES,
  readHistory,
  type GoodRelease,
  type History,
} from './history.ts';
export { openRun, readPlaceJournal, type OpenRun, type PlaceEntry } from './journal.ts';
export { leasePlace, placeHolder, type PlaceLease } from './lease.ts';
export * from './options.ts';
export { holdPlace } from './session.ts';
export { pathsOf, shortDigest, type PlacePaths } from './place.ts';
export { recover } from './recover.ts';
export { planRollback, renderRollbackPlan, rollback } from './rollback.ts';
export type * from './types.ts';
export { deliveryLine, duration, outcomeText, recoveredLine } from './words.ts';
