import type { Check } from '../evidence/index.ts';
import type { RunRecord } from '../evidence/run.ts';
import { duration, figure, time } from './format.ts';
import { outcome } from './outcome.ts';

/** A cell: no pipe, no line break, no markup of its own. */
function cell(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\\|<>`*_[\]]/g, (sign) => `\\${sign}`);
}

function row(cells: readonly string[]): string {
  return `| ${cells.map(cell).join(' | ')} |`;
}

function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string[] {
  return [row(head), `| ${head.map(() => '---').join(' | ')} |`, ...rows.map(row)];
}

function valueOf({ observed, unit }: Check): string {
  if (observed === undefined) return '';
  return typeof observed === 'number' ? `${figure(observed)}${unit === undefined ? '' : ` ${unit}`}` : observed;
}

function wanted({ limit = '', unit = '' }: Check): string {
  return `${limit.replace(/^<=/, '≤').replace(/^>=/, '≥')} ${unit}`;
}

/** The run on one page of Markdown, as a workflow's step summary shows it. */
export function summary(run: RunRecord): string {
  const { pass, reasons } = outcome(run);
  const lines = [
    `# ${pass ? '✔ PASS' : '✖ BLOCK'}: ${cell(run.subject)}`,
    '',
    cell(`${run.commit} · ${run.environment} on ${run.target} · load ${run.load_profile} · ${time(run.started_at)}`),
    '',
  ];
  if (run.error !== undefined) {
    lines.push(`**${cell(run.error.code)}**: ${cell(run.error.message)}`, '');
    if (run.error.fix !== undefined) lines.push(`What to do: ${cell(run.error.fix)}`, '');
  }
  for (const reason of reasons) lines.push(`- ${cell(reason)}`);
  if (reasons.length > 0) lines.push('');

  lines.push('## Stages', '');
  lines.push(
    ...table(
      ['stage', 'result', 'time', ''],
      run.stages.map(({ stage, status, duration_ms, reason }) => [stage, status, duration(duration_ms), reason ?? '']),
    ),
    '',
  );

  const load = run.evidence.find(({ stage }) => stage === 'load');
  const floors = load?.checks.filter(({ limit, unit }) => limit !== undefined && unit !== undefined) ?? [];
  if (floors.length > 0) {
    lines.push('## Load suites and their floors', '');
    lines.push(
      ...table(
        ['', 'floor', 'reached', 'wanted'],
        floors.map((check) => [check.status === 'passed' ? '✔' : '✖', check.name, valueOf(check), wanted(check)]),
      ),
      '',
    );
  }
  const failed = run.evidence.flatMap(({ stage, checks }) =>
    checks.filter(({ status }) => status === 'failed').map((check) => ({ stage, check })),
  );
  if (failed.length > 0) {
    lines.push('## Failed checks', '');
    lines.push(
      ...table(
        ['stage', 'check', 'found', 'wanted', 'more'],
        failed.map(({ stage, check }) => [stage, check.name, valueOf(check), check.limit ?? '', check.detail ?? '']),
      ),
      '',
    );
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
