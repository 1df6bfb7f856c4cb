import type { Command } from 'commander';
import { EXIT } from '@papergate/config';
import { askStatus, leaseHolder, type Holder, type StagingStatus } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { table } from '../output.ts';

export function addStatus(program: Command, context: CommandContext): void {
  program
    .command('status')
    .description('what runs here: exit 0 when staging is up and every service ready, else 1')
    .option('--json', 'one JSON object', false)
    .action(async ({ json }: { json: boolean }) => {
      const { output, home } = context;
      const place = home();
      const status = await askStatus(place);
      const holder = await leaseHolder({ dir: place.lease });
      const healthy = status?.state === 'up' && status.services.every(({ state }) => state === 'ready');
      if (json) output.out(JSON.stringify({ staging: status ?? null, holder: holder ?? null, healthy }));
      else output.out(describe(status, holder));
      context.setExitCode(healthy ? EXIT.ok : EXIT.blocked);
    });
}

function describe(status: StagingStatus | undefined, holder: Holder | undefined): string {
  if (status === undefined) {
    return holder === undefined
      ? 'nothing runs here; "npx papergate ship" starts it'
      : `no staging is up, but process ${holder.pid} on ${holder.host} is at work here (${holder.command}) since ${holder.since}`;
  }
  const { database } = status;
  const rows = [
    ['SERVICE', 'STATE', 'PID', 'RESTARTS', 'SINCE', 'ADDRESS'],
    ['postgres', database.state, '', '', '', database.port === null ? database.kind : `127.0.0.1:${database.port}`],
    ...status.services.map(({ name, state, pid, restarts, since, url, detail }) => [
      name,
      detail === null ? state : `${state} (${detail})`,
      pid === null ? '' : String(pid),
      String(restarts),
      since ?? '',
      url,
    ]),
  ];
  const how = status.detached ? 'detached' : 'ends with the command that started it';
  return [
    `staging is ${status.state} since ${status.since} (${how})`,
    `commit ${status.commit}, ${status.environment}, run ${status.run_id}`,
    '',
    table(rows),
  ].join('\n');
}
