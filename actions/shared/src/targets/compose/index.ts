import type { DeliveryTarget } from '../../deliver/types.ts';
import type { ComposeTargetOptions } from './options.ts';
import { ComposeTarget } from './target.ts';

export type { ComposeTargetOptions, ReleaseSource } from './options.ts';

/** Delivery to a Docker Engine: a bundle as containers, in the projects and folders that docs/architecture.md names. */
export const composeTarget = (options: ComposeTargetOptions): DeliveryTarget => new ComposeTarget(options);
