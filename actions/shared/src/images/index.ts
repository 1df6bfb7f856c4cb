export { buildAirgapBases, type AirgapBases, type AirgapOptions } from './airgap/index.ts';
export { checkBuildArgs } from './args.ts';
export { buildImages, localTag, type BuildOptions, type BuildSecrets, type BuiltImages } from './build.ts';
export { engineInfo, isOlder, OLDEST, requireBuilder, requireCompose, type EngineInfo } from './docker/engine.ts';
export { docker, runDocker, type DockerEnv } from './docker/run.ts';
export { commitEpoch } from './epoch.ts';
export { scanArchive, scanCheck, scanLayers, type ScanFinding, type ScanReport } from './scan/index.ts';
export { BUDGET, budgetChecks, measureImages, type BuiltImage, type ImageLayer } from './sizes.ts';
export { tagImages } from './tag.ts';
