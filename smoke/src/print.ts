import type { Report } from './smoke.ts';
import type { Result } from './runner.ts';

/** One line a check; a failed one says what was expected and what was found. */
export function lineOf({ name, status, duration_ms, expected, found }: Result): string {
  if (status === 'passed') return `  ✔ ${name}  ${duration_ms} ms`;
  return `  ✖ ${name}  ${duration_ms} ms\n      expected: ${expected}\n      found:    ${found}`;
}

export function summaryOf({ reached, results }: Report): string {
  const failed = results.filter(({ status }) => status === 'failed');
  if (!reached) return `no service could be reached: ${failed[0]?.found ?? 'nothing was asked'}`;
  const passed = results.length - failed.length;
  return failed.length === 0
    ? `all ${passed} checks passed`
    : `${failed.length} of ${results.length} checks failed: ${failed.map(({ name }) => name).join(', ')}`;
}
