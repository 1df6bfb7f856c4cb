import { Option, type Command } from 'commander';
import { EXIT } from '@papergate/config';
import { readAudit, verifyAudit, type AuditEntry, type AuditVerdict } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { table } from '../output.ts';
import { wholeNumber } from '../values.ts';
import { addPlaceFlags, type PlaceFlags } from './place-flags.ts';
import { withPlace } from './with-place.ts';

export function addAudit(program: Command, context: CommandContext): void {
  const audit = program.command('audit').description('who did what to a place, as a chain of hashes');
  addPlaceFlags(audit.command('verify').description('find an entry that was edited, moved, removed or cut off'))
    .option('--json', 'one JSON object', false)
    .action((flags: PlaceFlags & { json: boolean }) =>
      withPlace(flags, context, async ({ place }) => {
        const verdict = await verifyAudit(place);
        context.output.out(flags.json ? JSON.stringify(verdict) : describeVerdict(verdict));
        context.setExitCode(verdict.ok ? EXIT.ok : EXIT.blocked);
      }),
    );
  addPlaceFlags(audit.command('show').description('the entries, oldest first'))
    .addOption(new Option('-n, --lines <count>', 'how many of the last').argParser(wholeNumber(1, 100_000)).default(20))
    .option('--json', 'one JSON object a line', false)
    .action((flags: PlaceFlags & { json: boolean; lines: number }) =>
      withPlace(flags, context, async ({ place }) => {
        const entries = (await readAudit(place)).slice(-flags.lines);
        if (flags.json) for (const entry of entries) context.output.out(JSON.stringify(entry));
        else context.output.out(entries.length === 0 ? 'nothing was done to this place yet' : table(entries.map(row)));
        context.setExitCode(EXIT.ok);
      }),
    );
}

function describeVerdict({ ok, entries, problems, notes }: AuditVerdict): string {
  const lines = [
    ...problems.map(({ seq, what }) => `✖ entry ${seq} ${what}`),
    ...notes.map((note) => `note: ${note}`),
    ok ? `the audit log is whole: ${entries} entries` : `the audit log was tampered with: ${problems.length} problems`,
  ];
  return lines.join('\n');
}

const row = ({ seq, at, actor, action, from, to, outcome }: AuditEntry): string[] => [
  String(seq),
  at,
  `${actor.user}@${actor.host}${actor.github_actor === undefined ? '' : ` (${actor.github_actor})`}`,
  action,
  `${from?.commit.slice(0, 12) ?? '-'} → ${to?.commit.slice(0, 12) ?? '-'}`,
  outcome,
];
