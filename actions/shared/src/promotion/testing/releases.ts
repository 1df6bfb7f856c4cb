import type { FakeDeployment } from '../../github/fake/index.ts';
import { sealManifest, withImages, type Manifest } from '../../release/manifest.ts';

export const REPOSITORY = 'acme/trading';
export const WORKFLOW = '.github/workflows/deploy-staging.yml';
export const RUN_ID = 900;
export const NOW = Date.UTC(2026, 5, 10, 12);
export const HOUR = 3_600_000;

export const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
export const commit = (digit: string): string => digit.repeat(40);
/** Hours before {@link NOW}, as GitHub writes it. */
export const ago = (hours: number): string => new Date(NOW - hours * HOUR).toISOString().replace('.000Z', 'Z');

/** The release that wants to production, and the one that runs there. */
export const RELEASE = makeManifest('c', '1');
export const LAST = makeManifest('a', '2');

export function makeManifest(of: string, image: string): Manifest {
  const service = { entry: 'services/x/src/main.ts', digest: digest('5') };
  const manifest = sealManifest({
    commit: commit(of),
    services: { 'execution-engine': service, 'market-data': service, 'paper-exchange': service },
    config_digest: digest('6'),
    lockfile_digest: digest('7'),
    schema_version: '0003',
  });
  const named = (name: string, digit: string) => ({ repository: `ghcr.io/acme/${name}`, digest: digest(digit) });
  return withImages(manifest, {
    'execution-engine': named('execution-engine', image),
    'market-data': named('market-data', '3'),
    postgres: named('postgres', '8'),
  });
}

export function deploymentOf(
  manifest: Manifest,
  {
    id,
    hoursAgo,
    environment = 'staging',
    state = 'success',
    run = id,
    payload = true,
  }: {
    id: number;
    hoursAgo: number;
    environment?: string;
    state?: string;
    run?: number;
    payload?: boolean;
  },
): FakeDeployment {
  const images = Object.fromEntries(
    Object.entries(manifest.images ?? {}).map(([name, { repository, digest: own }]) => [name, `${repository}@${own}`]),
  );
  const status = (offset: number, of: string, at: number) => ({
    id: id * 10 + offset,
    state: of,
    description: '',
    environment_url: '',
    log_url: `https://github.com/${REPOSITORY}/actions/runs/${run}`,
    creator: 'github-actions[bot]',
    created_at: ago(at),
  });
  return {
    id,
    sha: manifest.commit,
    ref: 'main',
    task: 'deploy',
    environment,
    payload: payload ? { schema: 1, manifest_digest: manifest.digest, images, run_id: run } : '',
    description: '',
    creator: 'github-actions[bot]',
    created_at: ago(hoursAgo + 0.2),
    production_environment: environment === 'production',
    transient_environment: false,
    statuses: [status(1, 'in_progress', hoursAgo + 0.1), ...(state === 'none' ? [] : [status(2, state, hoursAgo)])],
  };
}
