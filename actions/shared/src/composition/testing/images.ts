import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { buildAirgapBases } from '../../images/airgap/index.ts';
import { run } from '../../process/run.ts';
import { containersCache } from '../../testing/containers/index.ts';
import { onPath } from '../../tools/version.ts';
import type { MonitoringImage } from '../names.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** `repository@sha256:…` of the stand-ins for Node and PostgreSQL, in this registry. */
export function baseImages(env: Env, registry: string): Promise<{ node: string; postgres: string }> {
  return buildAirgapBases({ env, registry: `${registry}/base`, cacheDir: join(containersCache(env), 'bases') });
}

/** Builds a Dockerfile, pushes it and gives `repository@sha256:…`, as the registry has it. */
export async function pushImage(options: {
  env: Env;
  name: string;
  dockerfile: string;
  /** Files that the Dockerfile copies, by their own name. */
  files?: readonly string[];
}): Promise<string> {
  const { env, name, dockerfile, files = [] } = options;
  const dir = mkdtempSync(join(tmpdir(), 'papergate-image-'));
  const docker = async (...args: string[]): Promise<string> => {
    const result = await run('docker', args, { env });
    if (result.code !== 0) throw new Error(`docker ${args[0]} of ${name}: ${result.stderr}`);
    return result.stdout.trim();
  };
  try {
    for (const file of files) copyFileSync(file, join(dir, basename(file)));
    writeFileSync(join(dir, 'Dockerfile'), dockerfile);
    await docker('build', '--quiet', '--tag', name, dir);
    await docker('push', '--quiet', name);
    const repository = name.replace(/:[^:/]+$/, '');
    const digests = JSON.parse(await docker('inspect', '--format', '{{json .RepoDigests}}', name)) as string[];
    const found = digests.find((digest) => digest.startsWith(`${repository}@`));
    if (found === undefined) throw new Error(`the registry gave no digest for ${name}`);
    return found;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Takes the engine's names for what was built for a test away; layers that others use stay. */
export async function removeImages(env: Env, images: readonly string[]): Promise<void> {
  const repositories = new Set(images.map((image) => image.replace(/@.*$/, '')));
  const { stdout } = await run('docker', ['images', '--format', '{{.Repository}}:{{.Tag}}'], { env });
  const own = stdout
    .split('\n')
    .filter((name) => repositories.has(name.replace(/:[^:/]*$/, '')) && !name.endsWith(':<none>'));
  const byDigest = images.filter((image) => image.includes('@'));
  await run('docker', ['rmi', ...own, ...byDigest], { env });
}

/** Where the stand-ins of Grafana, Loki and Alloy come from: there is no package of them. */
const ABSENT: readonly MonitoringImage[] = ['grafana', 'loki', 'alloy'];

/**
 * Prometheus and Alertmanager out of Debian's packages, laid out as the official images are. The others are named, not
 * made: a test that uses these images starts Prometheus and Alertmanager alone.
 * @throws Error where the packages are not installed
 */
export async function monitoringStandIns(
  env: Env,
  registry: string,
  node: string,
): Promise<Record<MonitoringImage, string>> {
  const program = async (name: string): Promise<string> => {
    const [found] = await onPath(name, `${process.env['PATH'] ?? ''}:/usr/bin`);
    if (found === undefined) throw new Error(`this test needs ${name} (Debian: prometheus, prometheus-alertmanager)`);
    return found;
  };
  const image = async (
    name: 'prometheus' | 'alertmanager',
    from: string,
    others: readonly string[],
    data: string,
  ): Promise<string> => {
    const files = await Promise.all([from, ...others].map(program));
    const copies = files.map(
      (file) => `COPY ${basename(file)} /bin/${basename(file) === from ? name : basename(file)}`,
    );
    // Debian's Alertmanager looks for its templates where Debian puts them; the official one has them built in.
    if (name === 'alertmanager') {
      const templates = ['default.tmpl', 'email.tmpl'];
      files.push(...templates.map((template) => `/usr/share/prometheus/alertmanager/${template}`));
      copies.push(`COPY ${templates.join(' ')} /usr/share/prometheus/alertmanager/`);
    }
    const owned = `RUN mkdir -p ${data} /etc/${name} && chown 65534:65534 ${data}`;
    const dockerfile = [`FROM ${node}`, ...copies, owned, 'USER 65534:65534', `ENTRYPOINT ["/bin/${name}"]`, ''].join(
      '\n',
    );
    return await pushImage({ env, name: `${registry}/stand-in/${name}:debian`, dockerfile, files });
  };
  const absent = `registry.invalid/absent@sha256:${'0'.repeat(64)}`;
  return {
    ...(Object.fromEntries(ABSENT.map((name) => [name, absent])) as Record<MonitoringImage, string>),
    prometheus: await image('prometheus', 'prometheus', ['promtool'], '/prometheus'),
    alertmanager: await image('alertmanager', 'prometheus-alertmanager', ['amtool'], '/alertmanager'),
  };
}
