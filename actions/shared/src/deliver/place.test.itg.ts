import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { localHost, sshHost, type Host } from '../host/index.ts';
import { SSHD, startSshd, type TestSshd } from '../host/testing/sshd.ts';
import { verifyAudit } from './audit.ts';
import { SYSTEM_CLOCK } from './clock.ts';
import { deliver } from './deliver.ts';
import { goodReleases } from './history.ts';
import { leasePlace, placeHolder } from './lease.ts';
import type { DeliverOutcome } from './options.ts';
import { Bundle, simManifest } from './testing/bundle.ts';
import { Deployer } from './testing/deployer.ts';
import { simTarget } from './testing/target.ts';
import type { SimTime } from './testing/time.ts';
import type { Place } from './types.ts';

// Over SSH each look and each line is a command; on a busy machine each of these takes its time.
jest.setTimeout(240_000);

const REAL_TIME: SimTime = {
  get now() {
    return Date.now();
  },
  sleep: (ms, signal) => SYSTEM_CLOCK.sleep(ms, signal),
  every: (ms, act) => SYSTEM_CLOCK.every(ms, act),
};

let dir: string;
let sshd: TestSshd | undefined;
const hosts = new Map<string, Host>();
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-place-'));
  hosts.set('local', localHost({ env: process.env }));
  if (SSHD === undefined) throw new Error('there is no sshd on this machine (Debian: apt-get install openssh-server)');
  sshd = await startSshd();
  const { url, identity, knownHosts } = sshd;
  hosts.set('ssh', sshHost({ url, identity, knownHosts, env: process.env }));
});
afterAll(async () => {
  for (const host of hosts.values()) await host.close();
  await sshd?.stop();
  rmSync(dir, { recursive: true, force: true });
});

function placeOn(kind: string, name: string): Place {
  const host = hosts.get(kind);
  if (host === undefined) throw new Error(`no host ${kind}`);
  return { kind: 'compose', environment: 'staging', project: 'papergate-staging', host, dir: join(dir, kind, name) };
}

/** A deploy whose record lies on a real host; only the containers are simulated. */
function delivery(bundle: Bundle, place: Place): (n: number) => Promise<DeliverOutcome> {
  const deployer = new Deployer(REAL_TIME);
  const target = simTarget(bundle, place, deployer);
  return (n) =>
    deliver({
      target,
      next: simManifest(n),
      actor: { user: 'ada', host: 'here' },
      command: 'papergate deploy',
      checkpoint: () => Promise.resolve({ id: `cp-${n}`, checks: [] }),
      checkMigrations: () => Promise.resolve([]),
      smoke: false,
    });
}

describe.each(['local', 'ssh'])('the record of a place on a real host (%s)', (kind) => {
  test('holds through deploys that succeed and fail', async () => {
    const place = placeOn(kind, 'deploys');
    const bundle = new Bundle(REAL_TIME);
    const run = delivery(bundle, place);
    expect(await run(1)).toMatchObject({ status: 'delivered' });
    bundle.faults.set(simManifest(2).digest, [{ kind: 'dies', service: 'orchestrator' }]);
    expect(await run(2)).toMatchObject({ status: 'undone', diagnosis: { service: 'orchestrator' } });
    expect(await verifyAudit(place)).toMatchObject({ ok: true, entries: 2, problems: [], notes: [] });
    expect((await goodReleases(place)).map(({ manifest }) => manifest)).toEqual([simManifest(1)]);
    expect(await placeHolder(place)).toBeUndefined();
    expect(await place.host.files.list(join(place.dir, 'lease'))).toEqual([
      expect.stringMatching(/^0+1\.released$/),
      expect.stringMatching(/^0+2\.released$/),
    ]);
  });

  test('names the real process that holds it, and is free at once when that is killed', async () => {
    const place = placeOn(kind, 'killed');
    const held = await holdInProcess(kind, place.dir);
    expect(await placeHolder(place)).toMatchObject({ pid: held.pid, command: 'papergate ship' });
    await expect(leasePlace(place, 'papergate deploy')).rejects.toMatchObject({
      code: 'PLACE_TAKEN',
      message: expect.stringContaining(`process ${held.pid} `),
    });
    held.kill('SIGKILL');
    await once(held, 'exit');
    const lease = await leasePlace(place, 'papergate deploy');
    expect(lease.generation).toBe(2);
    await lease.fence.assertHeld();
    await lease.release();
  });
});

const at = (path: string): string => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)));
const HOLDER = `
  import { localHost, sshHost } from ${at('../host/index.ts')};
  import { leasePlace } from ${at('./lease.ts')};
  const [dir, ssh] = process.argv.slice(1);
  // Ten minutes off, as deployers' clocks are.
  const right = Date.now;
  Date.now = () => right() + 600_000;
  const host = ssh === '' ? localHost({ env: process.env }) : sshHost({ ...JSON.parse(ssh), env: process.env });
  await leasePlace({ kind: 'compose', environment: 'staging', project: 'p', host, dir }, 'papergate ship');
  process.stdout.write('held');
  setInterval(() => {}, 1000);`;

async function holdInProcess(kind: string, place: string): Promise<ReturnType<typeof spawn>> {
  const address = kind === 'local' ? '' : JSON.stringify(sshd);
  const holder = spawn(process.execPath, ['--input-type=module-typescript', '-e', HOLDER, place, address], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = (await Promise.race([
    once(holder.stdout, 'data'),
    once(holder, 'exit').then(([code]) => [`ended ${String(code)}`]),
  ])) as unknown[];
  if (String(text) !== 'held') throw new Error(`the holder did not come to hold: ${String(text)}`);
  return holder;
}
