import type { KeyKind } from '../keys.ts';
import { decodings, gluedBase64 } from './decode.ts';
import { directHits, type KeyHit } from './direct.ts';
import { unescapeText, unquotePrintable } from './escapes.ts';
import { fold } from './fold.ts';
import { rootNode, type ScanNode } from './node.ts';

export type { KeyHit } from './direct.ts';

const MAX_DEPTH = 6;
/** Characters examined per character of input, all disguises together: a bound, not a figure that text reaches. */
const WORK_PER_CHARACTER = 40;
const WORK_FLOOR = 1024 * 1024;
const MAX_HITS_OF_A_KIND = 100;

/**
 * Finds Alpaca keys of every kind in a text: as they are, split, in lower case, behind look-alike or invisible
 * characters, escaped, and in base64, hexadecimal, base32, byte lists and compressed data, also in each other.
 * The time is linear in the text. `complete` is false where the work had to be cut off: then the answer is in doubt.
 */
export function findKeys(text: string): { hits: KeyHit[]; complete: boolean } {
  const hits = new Hits();
  const seen = new Set<string>();
  const queue: ScanNode[] = [rootNode(text)];
  let work = text.length * WORK_PER_CHARACTER + WORK_FLOOR;
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (seen.has(next.text)) continue;
    seen.add(next.text);
    work -= next.text.length;
    if (work < 0 || next.how.length > MAX_DEPTH) return { hits: hits.inOrder(), complete: false };
    hits.add(directHits(next));
    hits.add(gluedBase64(next));
    for (const inner of [fold(next), unescapeText(next), unquotePrintable(next)]) {
      if (inner !== undefined) queue.push(inner);
    }
    for (const inner of decodings(next)) queue.push(inner);
  }
  return { hits: hits.inOrder(), complete: true };
}

/** One key is found in many ways; the plainest is the one to tell. Of each kind some are enough. */
class Hits {
  readonly #best = new Map<string, KeyHit>();
  readonly #count: Record<KeyKind, number> = { live: 0, broker: 0, paper: 0 };

  add(hits: Iterable<KeyHit>): void {
    for (const hit of hits) {
      const id = `${hit.kind} ${hit.offset}`;
      const known = this.#best.get(id);
      if (known === undefined) {
        if (this.#count[hit.kind] >= MAX_HITS_OF_A_KIND) continue;
        this.#count[hit.kind]++;
      } else if (known.how.length <= hit.how.length) continue;
      this.#best.set(id, hit);
    }
  }

  inOrder(): KeyHit[] {
    return [...this.#best.values()].sort((a, b) => a.offset - b.offset);
  }
}
