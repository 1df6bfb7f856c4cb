import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { run } from '@papergate/delivery';
import { commandBlocks } from '../docs/blocks.ts';
import { shortLoad } from '../testing.ts';
import { bases } from './testing/bases.ts';
import { ROOT } from './testing/clone.ts';
import { dockerEnvironment, placeContainers } from './testing/docker.ts';
import { makeKit, newest, type Kit } from './testing/kit.ts';
import { mustEnd } from './testing/papergate.ts';

jest.setTimeout(900_000);

const BLOCKS = commandBlocks(readFileSync(join(ROOT, 'docs', 'operations.md'), 'utf8'));
const COMMANDS = BLOCKS.flatMap(({ heading, lines }) => lines.map((line): [string, string] => [heading, line]));

let kit: Kit;
let dir: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-runbook-'));
  kit = await makeKit({ name: 'runbook' });
  const { node, postgres } = await bases();
  // npx itself looks for the package first; what it would start is this.
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  const main = join(kit.clone.dir, 'actions', 'cli', 'src', 'main.ts');
  const shim = `#!/bin/sh\n[ "$1" = papergate ] && shift || exit 64\nexec "${process.execPath}" --disable-warning=ExperimentalWarning "${main}" "$@"\n`;
  writeFileSync(join(bin, 'npx'), shim, { mode: 0o755 });
  const token = join(dir, 'token');
  writeFileSync(token, randomBytes(24).toString('hex'), { mode: 0o600 });
  const own = dockerEnvironment();
  env = {
    ...own,
    PATH: `${bin}:${own['PATH'] ?? ''}`,
    PAPERGATE_HOME: kit.home,
    PAPERGATE_REGISTRY: kit.registry,
    PAPERGATE_NODE_IMAGE: node,
    PAPERGATE_POSTGRES_IMAGE: postgres,
    PLACE: kit.flags.join(' '),
    NEW_TOKEN_FILE: token,
  };
  // A second commit, so that there is something to go back to.
  const plan = 'loadtests/plan.json';
  kit.clone.git('checkout', '-q', kit.clone.commit('a shorter load', { [plan]: shortLoad(kit.clone.read(plan)) }));
});
afterAll(async () => {
  await kit?.remove();
  rmSync(dir, { recursive: true, force: true });
});

/** What somebody at a terminal would have looked up before. */
async function lookedUp(line: string): Promise<NodeJS.ProcessEnv> {
  const found: NodeJS.ProcessEnv = { SHA: kit.clone.git('rev-parse', 'HEAD'), PREVIOUS: kit.good.commit };
  if (line.includes('$API_TOKEN"')) found['API_TOKEN'] = kit.token();
  if (line.includes('$FRONT_DOOR')) found['FRONT_DOOR'] = kit.url('orchestrator');
  if (line.includes('$CHECKPOINT')) {
    const { stdout } = await mustEnd(kit.papergate('db', 'list', ...kit.flags, '--json'));
    found['CHECKPOINT'] = (JSON.parse(stdout) as { checkpoints: { id: string }[] }).checkpoints[0]?.id;
  }
  return found;
}

const SUITES = 'order-stress|database-throughput|market-data-flood|websocket-concurrency';
const FLOORS = [
  new RegExp(`"((?:${SUITES}): [^"]+)" failed`, 'g'),
  new RegExp(`✖ +((?:${SUITES}): .+?)(?: {2,}|$)`, 'gm'),
];

/** The floors of the load suites that did not hold, as the gate's reasons and the table of `papergate load` name them. */
function failedFloors(said: string): string[] {
  const found = FLOORS.flatMap((floor) => [...said.matchAll(floor)].map(([, name = '']) => name));
  return [...new Set(found)];
}

describe('every command of docs/operations.md does what the page says', () => {
  test('there are commands for all that an operator has to do', () => {
    const headings = new Set(BLOCKS.map(({ heading }) => heading));
    for (const heading of ['Deploy', 'Verify', 'Roll back', 'Restore', 'Rotate keys', 'Take down']) {
      expect([...headings]).toContain(heading);
    }
    expect(COMMANDS.length).toBeGreaterThan(20);
  });

  test.each(COMMANDS)('%s: %s', async (_heading, line) => {
    const { code, stdout, stderr } = await run('bash', ['-euo', 'pipefail', '-c', line], {
      cwd: kit.clone.dir,
      env: { ...env, ...(await lookedUp(line)) },
    });
    const said = `${stdout}${stderr}`;
    if (line.includes('papergate ship') || line.includes('papergate load')) {
      // Floors of time are for a host of its own: on two cores that the load generator and others share, they may not
      // hold in containers. Then the gate has to say no, and for nothing else: what counts orders and rows must hold.
      expect([said, code]).toEqual([expect.any(String), failedFloors(said).length === 0 ? 0 : 1]);
      for (const floor of failedFloors(said)) expect(floor).toMatch(/: k6 verdict$|latency|, (mean|median|p99)$/);
      if (line.includes('papergate ship'))
        expect(said).toMatch(/smoke: ok in[^]*load: (ok|FAILED) in[^]*gate: (pass|block)/);
      return;
    }
    expect({ code, said }).toEqual({ code: 0, said: expect.any(String) });
    if (line.includes('rollback "$PREVIOUS"') && line.includes('--yes')) {
      expect(newest(kit.place).commit).toBe(kit.good.commit);
    }
    if (line.includes('--volumes')) expect(placeContainers(kit.project)).toEqual([]);
  });
});
