import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';

const CheckLineSchema = Type.Object({
  type: Type.Literal('check'),
  name: Type.String({ minLength: 1 }),
  status: Type.Enum(['passed', 'failed']),
  duration_ms: Type.Number(),
  expected: Type.String(),
  found: Type.String(),
});
export type CheckLine = Static<typeof CheckLineSchema>;

const EndLineSchema = Type.Object({ type: Type.Literal('summary'), reached: Type.Boolean() });

/** One line of the smoke test's `--json`: a check, the end, or undefined for anything else. */
export function parseLine(line: string): CheckLine | 'end' | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (Value.Check(CheckLineSchema, value)) return value;
    return Value.Check(EndLineSchema, value) ? 'end' : undefined;
  } catch {
    return undefined;
  }
}
