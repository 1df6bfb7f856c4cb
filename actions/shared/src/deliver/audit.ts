import { createHash } from 'node:crypto';
import { canonicalJson } from '../release/manifest.ts';
import type { Actor } from './actor.ts';
import { parseJournal } from './journal.ts';
import { pathsOf } from './place.ts';
import type { Fence, Place } from './types.ts';

/** One act on a place. `prev` is the hash of the entry before, so that no entry can be changed, taken out or moved alone. */
export interface AuditEntry {
  seq: number;
  /** RFC 3339, by the host's clock. */
  at: string;
  actor: Actor;
  command: string;
  environment: string;
  project: string;
  /** `deploy`, `rollback`, `down`, `recover`, `emergency-stop`, … */
  action: string;
  /** Commit and manifest digest of what ran before and of what was wanted; null: nothing. */
  from: AuditRelease | null;
  to: AuditRelease | null;
  /** `delivered`, `failed`, `undone`, `undo-failed`, `done`, … */
  outcome: string;
  detail: Record<string, unknown>;
  prev: string;
  hash: string;
}
export interface AuditRelease {
  commit: string;
  manifest: string;
}
export interface AuditHead {
  seq: number;
  hash: string;
}
export type AuditDraft = Omit<AuditEntry, 'seq' | 'prev' | 'hash' | 'environment' | 'project'>;

export interface AuditVerdict {
  ok: boolean;
  /** How many entries the log has. */
  entries: number;
  problems: { seq: number; what: string }[];
  /** Harmless, and explained: what a kill or two writers at the same moment left. */
  notes: string[];
}

const NOTHING: AuditHead = { seq: 0, hash: '0'.repeat(64) };

/**
 * Adds an entry: the line (synced to disk), then `audit.head`. Safe without a lease too (an emergency stop does not wait for
 * a deploy): of two that write the same number at once the first line counts, and the other one writes again.
 */
export async function appendAudit(place: Place, draft: AuditDraft, fence?: Fence): Promise<AuditHead> {
  const { audit, auditHead } = pathsOf(place);
  const { files } = place.host;
  for (;;) {
    await fence?.assertHeld();
    const { last } = readChain((await files.read(audit)) ?? '');
    const unsealed = {
      seq: last.seq + 1,
      ...draft,
      environment: place.environment,
      project: place.project,
      prev: last.hash,
    };
    const entry: AuditEntry = { ...unsealed, hash: hashOf(unsealed) };
    await files.append(audit, JSON.stringify(entry));
    const { entries, last: end } = readChain((await files.read(audit)) ?? '');
    if (entries.some(({ seq, hash }) => seq === entry.seq && hash === entry.hash)) {
      await fence?.assertHeld();
      await files.write(auditHead, `${JSON.stringify({ seq: end.seq, hash: end.hash })}\n`, 0o600);
      return { seq: entry.seq, hash: entry.hash };
    }
  }
}

const hashOf = (unsealed: Omit<AuditEntry, 'hash'>): string =>
  createHash('sha256').update(canonicalJson(unsealed)).digest('hex');

interface Chain {
  entries: AuditEntry[];
  /** The last entry, whether or not the chain holds. */
  last: AuditHead;
  problems: AuditVerdict['problems'];
  notes: string[];
}

function readChain(text: string): Chain {
  const chain: Chain = { entries: [], last: NOTHING, problems: [], notes: [] };
  for (const [index, line] of text.split('\n').entries()) if (line !== '') readLine(chain, line, index + 1);
  return chain;
}

function readLine(chain: Chain, line: string, number: number): void {
  const entry = parseEntry(line);
  // What a kill cut off was never an entry. Where an entry was made unreadable, the one after it no longer fits.
  if (entry === undefined) return void chain.notes.push(`line ${number} was cut off by a kill and counts for nothing`);
  const { hash, ...unsealed } = entry;
  const sealed = hashOf(unsealed) === hash;
  if (sealed && entry.seq <= chain.last.seq && entry.prev === hashAt(chain, entry.seq - 1)) {
    return void chain.notes.push(`line ${number} lost a race for number ${entry.seq} and counts for nothing`);
  }
  const problem = (what: string): number => chain.problems.push({ seq: entry.seq, what });
  if (!sealed) problem('was changed: it does not match its own hash');
  if (entry.seq !== chain.last.seq + 1) problem(orderProblem(entry.seq, chain.last.seq));
  else if (entry.prev !== chain.last.hash) problem('does not follow the entry before it, which was changed');
  chain.entries.push(entry);
  chain.last = { seq: entry.seq, hash };
}

const hashAt = ({ entries }: Chain, number: number): string | undefined =>
  number === 0 ? NOTHING.hash : entries.find(({ seq }) => seq === number)?.hash;

const orderProblem = (seq: number, last: number): string =>
  seq > last + 1
    ? `entries ${last + 1} to ${seq - 1} before it are gone`
    : `stands after entry ${last}: moved or repeated`;

function parseEntry(line: string): AuditEntry | undefined {
  try {
    const entry = JSON.parse(line) as Partial<AuditEntry> | null;
    const whole = typeof entry?.seq === 'number' && typeof entry.hash === 'string' && typeof entry.prev === 'string';
    return whole ? (entry as AuditEntry) : undefined;
  } catch {
    return undefined;
  }
}

/** All entries, oldest first, whether or not the chain holds. */
export async function readAudit(place: Place): Promise<AuditEntry[]> {
  return readChain((await place.host.files.read(pathsOf(place).audit)) ?? '').entries;
}

/**
 * Finds an entry that was edited, removed, moved, or cut off at the end: each entry names the one before it, and the
 * end is also written down in `audit.head`, in `history.json` and in the journal. Whoever may write all four files can
 * forge all of them: keep copies elsewhere (the CI's artifacts) where that matters.
 */
export async function verifyAudit(place: Place): Promise<AuditVerdict> {
  const paths = pathsOf(place);
  const read = async (path: string): Promise<string> => (await place.host.files.read(path)) ?? '';
  const { entries, last, problems, notes } = readChain(await read(paths.audit));
  const claims = [
    ...claimsOf('audit.head', [parseJson(await read(paths.auditHead))]),
    ...claimsOf('history.json', [parseJson(await read(paths.history), 'audit')]),
    ...claimsOf(
      'the journal',
      parseJournal(`${await read(paths.journalBefore)}\n${await read(paths.journal)}`).map(
        ({ detail }) => detail?.['audit'],
      ),
    ),
  ];
  for (const { where, head } of claims) {
    const found = entries.find(({ seq }) => seq === head.seq);
    if (found === undefined) {
      problems.push({ seq: head.seq, what: `is gone, although ${where} knows it: the log ends at ${last.seq}` });
    } else if (found.hash !== head.hash) {
      problems.push({ seq: head.seq, what: `was replaced: ${where} knows another one` });
    }
  }
  const unheaded = entries.length > 0 && !claims.some(({ where }) => where === 'audit.head');
  if (unheaded && entries.length > 1) problems.push({ seq: last.seq, what: 'audit.head is missing or unreadable' });
  else if (unheaded) notes.push('audit.head was not written yet: a kill came first');
  return { ok: problems.length === 0, entries: entries.length, problems: withoutRepeats(problems), notes };
}

const withoutRepeats = (problems: AuditVerdict['problems']): AuditVerdict['problems'] =>
  [...new Map(problems.map((problem) => [`${problem.seq} ${problem.what}`, problem])).values()].sort(
    (a, b) => a.seq - b.seq,
  );

function parseJson(text: string, key?: string): unknown {
  try {
    const value = JSON.parse(text) as Record<string, unknown> | null;
    return key === undefined ? value : value?.[key];
  } catch {
    return undefined;
  }
}

function claimsOf(where: string, values: readonly unknown[]): { where: string; head: AuditHead }[] {
  return values.flatMap((value) => {
    const head = value as Partial<AuditHead> | null | undefined;
    return typeof head?.seq === 'number' && typeof head.hash === 'string'
      ? [{ where, head: { seq: head.seq, hash: head.hash } }]
      : [];
  });
}
