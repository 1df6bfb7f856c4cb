export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  scheme: string;
  /** Names in lower case. */
  parameters: Readonly<Record<string, string>>;
}

/**
 * `WWW-Authenticate`, taken apart (RFC 9110, 11.6.1). Several challenges may stand in one header, separated by the
 * same commas as their parameters.
 */
export function parseChallenges(header: string | null): Challenge[] {
  const found: { scheme: string; parameters: Record<string, string> }[] = [];
  let at = 0;
  const text = header ?? '';
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    const sticky = new RegExp(pattern.source, 'y');
    sticky.lastIndex = at;
    const match = sticky.exec(text);
    if (match === null) return undefined;
    at += match[0].length;
    return match;
  };
  while (at < text.length) {
    if (take(/[\s,]+/) !== undefined) continue;
    const parameter = take(/([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/);
    if (parameter !== undefined) {
      const last = found.at(-1);
      const value = parameter[2] === undefined ? (parameter[3] ?? '') : parameter[2].replace(/\\(.)/g, '$1');
      if (last !== undefined) last.parameters[(parameter[1] ?? '').toLowerCase()] = value;
      continue;
    }
    const scheme = take(/[\w!#$%&'*+.^`|~-]+/);
    if (scheme === undefined) break;
    found.push({ scheme: scheme[0].toLowerCase(), parameters: {} });
  }
  return found;
}
