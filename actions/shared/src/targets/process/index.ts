export { adoptStaging, closeRecord } from './adopt.ts';
export { processTarget, refuseForeign, type ProcessTargetOptions } from './target.ts';
export { releaseFolder, readPlan, writeRecord } from './release.ts';
