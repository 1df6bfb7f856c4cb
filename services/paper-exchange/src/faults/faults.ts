import { mistakes } from '../errors.ts';
import { seededRandom } from '../units/random.ts';

export const FAULT_KINDS = [
  'lost_answer',
  'delay',
  'status',
  'drop_event',
  'duplicate_event',
  'reorder_event',
  'partial_fill',
  'disconnect',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** What a fault looks at before it strikes. All that are given must agree; a path ending in `*` is a prefix. */
export interface FaultMatch {
  method?: string;
  path?: string;
  symbol?: string;
  event?: string;
}

export interface Fault {
  readonly id: string;
  readonly kind: FaultKind;
  readonly match: FaultMatch;
  /** How often it may still strike; `null`: without end. */
  times: number | null;
  readonly probability: number;
  readonly ms: number;
  readonly status: number;
  readonly fraction: number;
  struck: number;
}

const KEYS = new Set(['kind', 'match', 'times', 'probability', 'ms', 'status', 'fraction']);
const MATCH_KEYS = ['method', 'path', 'symbol', 'event'] as const;

/** The faults in force. They strike in the order in which they were asked for; chance comes from a seed. */
export class Faults {
  readonly #faults = new Map<string, Fault>();
  #random: () => number;
  #ids = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  add(request: unknown): Fault {
    this.#ids += 1;
    const fault = readFault(`fault-${this.#ids}`, request);
    this.#faults.set(fault.id, fault);
    return fault;
  }

  list(): Fault[] {
    return [...this.#faults.values()];
  }

  remove(id: string): boolean {
    return this.#faults.delete(id);
  }

  clear(): void {
    this.#faults.clear();
  }

  get any(): boolean {
    return this.#faults.size > 0;
  }

  /** The first fault of a kind that strikes here; it is used up by one. `naming`: only faults that name this in their match. */
  strike(kind: FaultKind, subject: FaultMatch, naming?: keyof FaultMatch): Fault | undefined {
    for (const fault of this.#faults.values()) {
      if (fault.kind !== kind || fault.times === 0 || !matches(fault.match, subject)) continue;
      if (naming !== undefined && fault.match[naming] === undefined) continue;
      if (fault.probability < 1 && this.#random() >= fault.probability) continue;
      if (fault.times !== null) fault.times -= 1;
      fault.struck += 1;
      return fault;
    }
    return undefined;
  }
}

function matches(match: FaultMatch, subject: FaultMatch): boolean {
  return MATCH_KEYS.every((key) => {
    const wanted = match[key];
    const found = subject[key];
    if (wanted === undefined) return true;
    if (found === undefined) return false;
    return key === 'path' && wanted.endsWith('*') ? found.startsWith(wanted.slice(0, -1)) : wanted === found;
  });
}

function readFault(id: string, request: unknown): Fault {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    throw mistakes.badFault('a fault must be a JSON object with at least "kind"');
  }
  const given = request as Record<string, unknown>;
  const unknown = Object.keys(given).find((key) => !KEYS.has(key));
  if (unknown !== undefined) throw mistakes.badFault(`unknown key ${unknown}, allowed: ${[...KEYS].join(', ')}`);
  const kind = FAULT_KINDS.find((candidate) => candidate === given['kind']);
  if (kind === undefined) {
    throw mistakes.badFault(`kind is ${JSON.stringify(given['kind'])}, allowed: ${FAULT_KINDS.join(', ')}`);
  }
  const times = number(given, 'times', 1, 1, 1_000_000, true);
  return {
    id,
    kind,
    match: readMatch(given['match']),
    times: given['times'] === null ? null : times,
    probability: number(given, 'probability', 1, 0, 1),
    ms: number(given, 'ms', 100, 0, 600_000),
    status: number(given, 'status', 500, 400, 599, true),
    fraction: number(given, 'fraction', 0.5, 0, 1),
    struck: 0,
  };
}

function readMatch(value: unknown): FaultMatch {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw mistakes.badFault('match must be a JSON object');
  const match: FaultMatch = {};
  for (const [key, wanted] of Object.entries(value)) {
    const known = MATCH_KEYS.find((candidate) => candidate === key);
    if (known === undefined) throw mistakes.badFault(`unknown key match.${key}, allowed: ${MATCH_KEYS.join(', ')}`);
    if (typeof wanted !== 'string' || wanted === '') throw mistakes.badFault(`match.${key} must be text`);
    match[known] = known === 'method' ? wanted.toUpperCase() : wanted;
  }
  return match;
}

function number(
  given: Record<string, unknown>,
  key: string,
  fallback: number,
  least: number,
  most: number,
  whole = false,
): number {
  const value = given[key];
  if (value === undefined || value === null) return fallback;
  if (typeof value === 'number' && value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  const what = whole ? 'a whole number' : 'a number';
  throw mistakes.badFault(`${key} is ${JSON.stringify(value)}, allowed: ${what} from ${least} to ${most}`);
}
