import type { Command } from 'commander';
import { EXIT } from '@papergate/config';
import {
  askStatus,
  imageName,
  leaseHolder,
  placeHolder,
  readHistory,
  type GoodRelease,
  type History,
  type Holder,
  type Observed,
  type OpenPlace,
  type StagingStatus,
} from '@papergate/delivery';
import type { CommandContext } from '../context.ts';
import { table } from '../output.ts';
import { addPlaceFlags, type PlaceFlags } from './place-flags.ts';
import { withPlace } from './with-place.ts';

type Flags = PlaceFlags & { json: boolean };

export function addStatus(program: Command, context: CommandContext): void {
  const command = program
    .command('status')
    .description('what runs here: exit 0 when staging is up and every service ready, else 1');
  addPlaceFlags(command)
    .option('--json', 'one JSON object', false)
    .action((flags: Flags) =>
      withPlace(flags, context, (open) =>
        open.place.kind === 'process' ? processStatus(open, flags, context) : placeStatus(open, flags, context),
      ),
    );
}

async function processStatus(
  { place: record }: OpenPlace,
  { json }: Flags,
  { output, home, setExitCode }: CommandContext,
): Promise<void> {
  const place = home();
  const status = await askStatus(place);
  const holder = (await placeHolder(record)) ?? (await leaseHolder({ dir: place.lease }));
  const healthy = status?.state === 'up' && status.services.every(({ state }) => state === 'ready');
  const { releases } = await readHistory(record);
  if (json) {
    output.out(
      JSON.stringify({ staging: status ?? null, holder: holder ?? null, healthy, releases: releases.map(told) }),
    );
  } else output.out([describe(status, holder), ...historyText(releases)].join('\n'));
  setExitCode(healthy ? EXIT.ok : EXIT.blocked);
}

async function placeStatus(
  { place, target }: OpenPlace,
  { json }: Flags,
  { output, setExitCode }: CommandContext,
): Promise<void> {
  const [history, observed, holder] = await Promise.all([readHistory(place), target.observe(), placeHolder(place)]);
  const healthy =
    observed.manifestDigest !== undefined &&
    observed.services.every(({ state, ready }) => state === 'running' && ready);
  const { environment, project, host } = place;
  if (json) {
    output.out(
      JSON.stringify({
        place: { kind: place.kind, environment, project, host: host.name, dir: place.dir },
        healthy,
        manifest: observed.manifestDigest ?? null,
        current: history.current,
        services: observed.services,
        holder: holder ?? null,
        releases: history.releases.map(told),
      }),
    );
  } else output.out(describePlace(place, history, observed, holder));
  setExitCode(healthy ? EXIT.ok : EXIT.blocked);
}

const told = ({ manifest, delivered_at, how, schema_version, checkpoint }: GoodRelease): Record<string, unknown> => ({
  commit: manifest.commit,
  manifest: manifest.digest,
  images: Object.fromEntries(Object.entries(manifest.images ?? {}).map(([name, image]) => [name, imageName(image)])),
  delivered_at,
  how,
  schema_version,
  checkpoint: checkpoint ?? null,
});

function historyText(releases: readonly GoodRelease[]): string[] {
  if (releases.length === 0) return [];
  const rows = releases.map(({ manifest, delivered_at, how, schema_version, checkpoint }) => [
    manifest.commit.slice(0, 12),
    delivered_at,
    how,
    schema_version,
    checkpoint ?? '',
  ]);
  return ['', table([['GOOD RELEASE', 'DELIVERED', 'BY', 'SCHEMA', 'CHECKPOINT'], ...rows])];
}

function describePlace(
  { project, environment, host }: OpenPlace['place'],
  history: History,
  { services, manifestDigest }: Observed,
  holder: Holder | undefined,
): string {
  const where = `${project} (${environment})${host.name === 'local' ? '' : ` on ${host.name}`}`;
  const busy =
    holder === undefined
      ? []
      : [`at work: process ${holder.pid} on ${holder.host} (${holder.command}) since ${holder.since}`];
  if (services.every(({ state }) => state === 'absent')) {
    return [`nothing runs in ${where}`, ...busy, ...historyText(history.releases)].join('\n');
  }
  const running = history.releases.find(({ manifest }) => manifest.digest === manifestDigest);
  const rows = services.map(({ service, state, ready, digest, restarts, detail }) => [
    service,
    state === 'running' ? (ready ? 'ready' : 'not ready') : state,
    (digest ?? '').slice(0, 19),
    String(restarts),
    ready ? '' : (detail ?? ''),
  ]);
  return [
    manifestDigest === undefined
      ? `${where}: its services are of different releases`
      : `${where}: commit ${running?.manifest.commit ?? 'unknown'}, manifest ${manifestDigest}`,
    ...busy,
    '',
    table([['SERVICE', 'STATE', 'IMAGE', 'RESTARTS', ''], ...rows]),
    ...historyText(history.releases),
  ].join('\n');
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
