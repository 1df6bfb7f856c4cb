export { defaultRegistry, parseImage, parseNamespace, registryOfRemote, type Repository } from './reference.ts';
export { pushImages, type PushImagesOptions } from './push/images.ts';
export { dockerEngine, type ImageEngine } from './push/engine.ts';
export {
  fetchManifest,
  listReleases,
  pushManifest,
  releaseArtifactOf,
  type FetchManifestOptions,
  type ManifestArtifact,
  type RegistryCall,
} from './artifact/manifest.ts';
export { verifyImages, type VerifyImagesOptions } from './artifact/verify-images.ts';
export { makeSbom, type Sbom, type SbomOptions } from './attest/sbom.ts';
export { builderOf, makeProvenance, type Builder, type Provenance } from './attest/provenance.ts';
export { findSigner, type Signer } from './sign/signer.ts';
export { verifySignatures, type SignaturePolicy, type VerifySignaturesOptions } from './sign/verify.ts';
export { pushStage, type PushOutcome, type PushStageOptions } from './stage.ts';
