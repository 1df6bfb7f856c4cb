import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { homeOf, makeHome, type Home } from '../home/index.ts';
import { freePorts } from '../net/free-port.ts';
import type { DeployPlan } from '../supervisor/plan.ts';

const FAKE = fileURLToPath(new URL('fake-service.mjs', import.meta.url));
export const TEST_COMMIT = 'c'.repeat(40);

/** A state folder and a release of small fake services, for tests of the supervisor. */
export interface TestStaging {
  dir: string;
  home: Home;
  plan: DeployPlan;
  planPath: string;
  /** What happened to the services, in order: `alpha start 123`. */
  history(): string[];
  remove(): void;
}

/** Fake services by name, each with the fault it shall have, or an empty text. */
export async function makeTestStaging(
  faults: Record<string, string>,
  change: Partial<DeployPlan> = {},
): Promise<TestStaging> {
  const dir = mkdtempSync(join(tmpdir(), 'papergate-staging-'));
  const home = makeHome(homeOf('', join(dir, 'home')));
  const release = join(dir, 'release');
  mkdirSync(release);
  const log = join(dir, 'history.log');
  const names = Object.keys(faults);
  const ports = await freePorts(names.length);
  const env: Record<string, string> = { FAKE_LOG: log, RELEASE_SHA: TEST_COMMIT };
  const services = names.map((name, index) => {
    copyFileSync(FAKE, join(release, `${name}.mjs`));
    env[`FAKE_PORT_${name.toUpperCase()}`] = String(ports[index]);
    env[`FAKE_${name.toUpperCase()}`] = faults[name] ?? '';
    return {
      name,
      entry: `${name}.mjs`,
      url: `http://127.0.0.1:${ports[index]}`,
      secrets: ['ALPACA_SECRET_KEY' as const],
    };
  });
  const plan: DeployPlan = {
    schema: 1,
    runId: 'test-run',
    home: home.dir,
    release,
    commit: TEST_COMMIT,
    manifestDigest: `sha256:${'d'.repeat(64)}`,
    environment: 'development',
    configDir: release,
    database: { kind: 'none' },
    services,
    env,
    readyTimeoutMs: 20_000,
    stopPatienceMs: 3_000,
    restart: { firstPauseMs: 20, longestPauseMs: 200, limit: 3, windowMs: 60_000 },
    ...change,
  };
  return {
    dir,
    home,
    plan,
    planPath: join(dir, 'plan.json'),
    history: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
