import type { GitHub } from '@papergate/delivery';

export type ItemState =
  /** As it has to be. */
  | 'ok'
  /** `setup --apply` sets it. */
  | 'set'
  /** Somebody has to do it: the API does not set it, or its value is nobody's but the team's. */
  | 'by-hand'
  /** The token may not see it: nobody knows. */
  | 'unknown'
  /** Not needed; good to know. */
  | 'note';

/** One setting: what it is and what it has to be. */
export interface Item {
  /** What it belongs to: `environment production`, `repository`. */
  of: string;
  what: string;
  is: string;
  wanted: string;
  state: ItemState;
  /** What to do where `setup` cannot. */
  fix?: string;
}

/** One change that the API makes. */
export interface Step {
  what: string;
  run(github: GitHub): Promise<void>;
}

export interface Plan {
  items: Item[];
  steps: Step[];
}

/** Nothing is missing. */
export const isWhole = ({ items }: Pick<Plan, 'items'>): boolean =>
  items.every(({ state }) => state === 'ok' || state === 'note');
