export { checkChoice, PROCESS_PROJECT, type PlaceChoice } from './choice.ts';
export { openPlace, type OpenOptions, type OpenPlace, type PlaceRecord } from './open.ts';
export { manifestOf, registryOf } from './manifest-of.ts';
export { runningManifest, runningUrls } from './running.ts';
export { placeSettings, type PlaceSettings } from './settings.ts';
export { alertsOf, metricsStoreOf, type AlertReader } from './metrics.ts';
