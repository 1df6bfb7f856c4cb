import type { Manifest, Patience } from '@papergate/delivery';
import type { Kit } from '../testing/kit.ts';

/** A release that must not get through, and what has to be said of it. */
export interface Broken {
  /** What is wrong, as the title of its test. */
  title: string;
  make(kit: Kit): Promise<Manifest>;
  /** What is wrong around it; gives how to mend that. */
  around?(kit: Kit): Promise<() => Promise<void> | void>;
  /** Shorter than a person would want it, so that the corpus ends. */
  patience?: Partial<Patience>;
  /**
   * `refused`: not even begun, one message says why. `failed`: nothing was stopped. `undone`: services were stopped,
   * and the release before runs again.
   */
  ends: 'refused' | 'failed' | 'undone';
  /** Where a race decides which of two is noticed first, both. */
  exitCode: 1 | 2 | 3 | readonly number[];
  /** Step at which it ends. */
  step: RegExp;
  /** The service that is to blame; its image has to be named with it. */
  service?: string;
  /** In the diagnosis: the words of whoever noticed. */
  says: RegExp;
}
