/**
 * A piece of text under examination: the text itself, how it was got from the original, and the way back.
 * Every transformation makes new nodes; {@link ScanNode.at} keeps findings on the right line.
 */
export interface ScanNode {
  text: string;
  /** Steps from the original to here: `base64`, `escapes`, … */
  how: readonly string[];
  /** Offset in the original of offset i here. */
  at: (i: number) => number;
  /**
   * The text was cut out of decoded bytes whose neighbours are noise, so that a noise byte which happens to be
   * a letter may stand before its first or behind its last true character.
   */
  looseStart: boolean;
  looseEnd: boolean;
}

export const rootNode = (text: string): ScanNode => ({
  text,
  how: [],
  at: (i) => i,
  looseStart: false,
  looseEnd: false,
});

/** Replaces every match and keeps the offsets; undefined where nothing changed. */
export function transform(
  node: ScanNode,
  step: string,
  pattern: RegExp,
  replace: (match: RegExpExecArray) => string,
): ScanNode | undefined {
  const parts: string[] = [];
  /** Breakpoints: from output offset `outs[k]` on, the input is at `ins[k]`. */
  const outs: number[] = [0];
  const ins: number[] = [0];
  let inAt = 0;
  let outAt = 0;
  let changed = false;
  for (const match of node.text.matchAll(pattern)) {
    const text = replace(match);
    if (text === match[0]) continue;
    changed = true;
    const before = node.text.slice(inAt, match.index);
    parts.push(before, text);
    outAt += before.length;
    outs.push(outAt);
    ins.push(match.index);
    outAt += text.length;
    inAt = match.index + match[0].length;
    outs.push(outAt);
    ins.push(inAt);
  }
  if (!changed) return undefined;
  parts.push(node.text.slice(inAt));
  const at = (i: number): number => {
    let low = 0;
    let high = outs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((outs[middle] ?? 0) <= i) low = middle;
      else high = middle - 1;
    }
    return node.at((ins[low] ?? 0) + (i - (outs[low] ?? 0)));
  };
  return { ...node, text: parts.join(''), how: [...node.how, step], at };
}

/** A node for text that was decoded out of `node` at `offset`. */
export function derived(
  node: ScanNode,
  step: string,
  offset: number,
  text: string,
  loose: { start: boolean; end: boolean },
): ScanNode {
  const origin = node.at(offset);
  return { text, how: [...node.how, step], at: () => origin, looseStart: loose.start, looseEnd: loose.end };
}
