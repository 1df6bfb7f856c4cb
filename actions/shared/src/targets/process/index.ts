export { processTarget, refuseForeign, type ProcessTargetOptions } from './target.ts';
export { releaseFolder, readPlan, writeRecord } from './release.ts';
