const COMPARISON = /^(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)$/;

/**
 * Whether a number holds a limit such as `<= 100`.
 * @returns undefined where the limit is in words, and nothing can be compared
 */
export function holds(observed: number, limit: string): boolean | undefined {
  const match = COMPARISON.exec(limit.trim());
  if (match === null) return undefined;
  const bound = Number(match[2]);
  switch (match[1]) {
    case '<=':
      return observed <= bound;
    case '>=':
      return observed >= bound;
    case '<':
      return observed < bound;
    default:
      return observed > bound;
  }
}
