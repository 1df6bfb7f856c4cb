import { posix } from 'node:path';
import type { Place } from './types.ts';

/** Where the record of a place lies; paths on its host. */
export interface PlacePaths {
  lease: string;
  journal: string;
  /** The part of the journal that was put away when it had grown long. */
  journalBefore: string;
  audit: string;
  auditHead: string;
  history: string;
  releases: string;
  secrets: string;
  checkpoints: string;
}

export function pathsOf({ dir }: Pick<Place, 'dir'>): PlacePaths {
  const at = (name: string): string => posix.join(dir, name);
  return {
    lease: at('lease'),
    journal: at('journal.jsonl'),
    journalBefore: at('journal.jsonl.1'),
    audit: at('audit.jsonl'),
    auditHead: at('audit.head'),
    history: at('history.json'),
    releases: at('releases'),
    secrets: at('secrets'),
    checkpoints: at('checkpoints'),
  };
}

/** First twelve digits of a digest: how folders and projects of a release are named. */
export const shortDigest = (digest: string): string => digest.replace(/^sha256:/, '').slice(0, 12);

/** First twelve digits of a commit, for people. */
export const shortCommit = (commit: string): string => commit.slice(0, 12);

/** The one service that there may never be two of. */
export const ORDER_WRITER = 'execution-engine';

/** What order intake needs: while one of these is away, so is it. */
export const INTAKE: readonly string[] = ['risk-manager', 'execution-engine', 'orchestrator'];
