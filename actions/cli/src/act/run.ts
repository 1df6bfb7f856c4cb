import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts, runProgram } from '@papergate/delivery';
import { actEnvironment, runnerVariables, type RunFolders } from './environment.ts';
import { makeEvent, refOf } from './event.ts';
import { writePairs } from './files.ts';
import { beginRun, followJobs } from './github.ts';
import { ActLog } from './lines.ts';
import { makeOrigin, nameOf } from './origin.ts';
import { versionOf, writeStandIns } from './stand-ins.ts';
import type { ActOutcome, ActRequest, ActSurroundings } from './types.ts';
import { environmentsOf, eventOf, findWorkflow, foreignActions } from './workflow.ts';

/** Labels of runners that workflows here ask for; each is this machine. */
const RUNNERS = ['ubuntu-latest', 'ubuntu-24.04'];
/** act ends its steps by itself when it is interrupted; a deploy that is under way has to be undone by then. */
const PATIENCE_MS = 60_000;

/**
 * Runs a workflow file with act on this machine, without a container and without the network: what is committed is checked
 * out of the repository itself, actions of others have stand-ins, GitHub's API is the fake.
 * @throws UserError WORKFLOW_UNKNOWN, EVENT_UNKNOWN, NO_STAND_IN, REF_UNKNOWN
 */
export async function runWorkflow(request: ActRequest, surroundings: ActSurroundings): Promise<ActOutcome> {
  const { env, github: fake, act, signal } = surroundings;
  const runId = String(Date.now());
  const folders = makeFolders(surroundings.home, runId);
  const origin = makeOrigin(request.repository, folders.origin, request.ref);
  const workflow = findWorkflow(origin.dir, request.workflow);
  const event = eventOf(workflow, request.event);
  const repository = nameOf(request.repository);
  const { inputs = {}, variables = {}, secrets = {}, actions = {} } = request;

  const file = (name: string, text: string): string => {
    const path = join(folders.run, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const github = { repository, runId, ref: refOf(event, origin), apiUrl: fake.url };
  const payload = makeEvent({ event, repository, origin, inputs }, request.payload);
  const [port] = await freePorts(1);
  const foreign = foreignActions(origin.dir, workflow.path).filter((uses) => actions[versionOf(uses)] === undefined);
  const standIns = writeStandIns(foreign, join(folders.run, 'stand-ins'));
  const given = Object.entries(actions).map(([name, folder]) => `${name}=${folder}`);
  const args = [
    event,
    '--json',
    `--directory=${origin.dir}`,
    `--workflows=${join(origin.dir, workflow.path)}`,
    `--eventpath=${file('event.json', JSON.stringify(payload))}`,
    `--env-file=${file('env', writePairs(runnerVariables(folders, request.packages ?? request.repository, github)))}`,
    `--var-file=${file('vars', writePairs(variables))}`,
    // Without a token act would ask "gh" for the one of whoever runs this.
    `--secret-file=${file('secrets', writePairs({ GITHUB_TOKEN: `act-${runId}`, ...secrets }))}`,
    `--input-file=${file('inputs', '')}`,
    `--action-cache-path=${join(folders.run, 'work')}`,
    '--action-offline-mode',
    '--no-cache-server',
    '--no-skip-checkout',
    `--artifact-server-path=${folders.artifacts}`,
    '--artifact-server-addr=127.0.0.1',
    `--artifact-server-port=${port}`,
    '--container-daemon-socket=-',
    `--defaultbranch=${origin.defaultBranch}`,
    '--actor=developer',
    ...RUNNERS.map((label) => `--platform=${label}=-self-hosted`),
    ...[...standIns, ...given].map((pair) => `--local-repository=${pair}`),
    ...(request.job === undefined ? [] : [`--job=${request.job}`]),
  ];
  const environments = environmentsOf(origin.dir, workflow.path, inputs);
  const facts = { name: repository, runId, commit: origin.commit, environments };
  const finished = beginRun(fake, { ...facts, path: workflow.path, event, branch: origin.defaultBranch });
  const log = new ActLog(followJobs(fake, facts));
  const { code } = await runProgram({
    command: act,
    args,
    env: actEnvironment(env, folders),
    cwd: folders.run,
    onLine: (text) => {
      const line = log.take(text);
      if (line !== undefined) surroundings.onLine?.(line);
    },
    signal,
    patienceMs: PATIENCE_MS,
  });
  finished(code === 0, folders.artifacts);
  return { passed: code === 0, runId, commit: origin.commit, jobs: log.jobs, lines: log.lines };
}

function makeFolders(home: string, runId: string): RunFolders {
  const base = join(home, 'act');
  const run = join(base, 'runs', runId);
  const folders = {
    run,
    origin: join(run, 'origin'),
    checkouts: join(run, 'checkouts'),
    artifacts: join(base, 'artifacts'),
    home,
  };
  for (const dir of [join(run, 'user', 'config'), folders.checkouts, folders.artifacts]) {
    mkdirSync(dir, { recursive: true, mode: 0o711 });
  }
  return folders;
}

/** Takes away what runs left: checkouts, their repositories, files with secrets. Nothing may run from there any more. */
export function removeRuns(home: string): void {
  rmSync(join(home, 'act', 'runs'), { recursive: true, force: true });
}
