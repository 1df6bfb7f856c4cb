import type { StageResult } from '../../evidence/index.ts';
import type { Manifest, Release } from '../../release/index.ts';
import type { OpenPlace } from '../place/open.ts';
import type { RunCredentials } from '../stages/validate.ts';

export interface StageCall {
  onProgress: (message: string, fraction?: number) => void;
  signal: AbortSignal;
}

/** What a kind of place has of its own in the chain that all of them go through. */
export interface PlaceKind {
  /** Looks that the place can be delivered to, before anything is built for it. */
  open(release: Release, credentials: RunCredentials, call: StageCall): Promise<OpenPlace>;
  build(release: Release, call: StageCall): Promise<StageResult>;
  /** @returns the manifest that is delivered: with images, where there are some */
  push(release: Release, call: StageCall): Promise<{ result: StageResult; manifest: Manifest }>;
}
