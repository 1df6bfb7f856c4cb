import { mkdirSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { loadSystemConfig } from '@papergate/config';
import { chooseFreePorts, composeFiles, environmentOf, run, type Manifest } from '@papergate/delivery';
import { dockerEnvironment, removeProject } from '../../containers/testing/docker.ts';
import type { Kit } from '../../containers/testing/kit.ts';

/** The same bundle by `docker compose` alone: the very Compose files, images, secrets and configuration. */
export interface Plain {
  /** `docker compose pull && docker compose up -d --wait`; gives ms. */
  deploy(manifest: Manifest): Promise<number>;
  remove(): void;
}

/** In a project of its own beside the place; both releases have been delivered to the place before. */
export async function plainCompose(kit: Kit): Promise<Plain> {
  const project = `plain-${randomBytes(4).toString('hex')}`;
  const dir = join(kit.home, 'plain');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  // With their owners: each file is readable by its container alone.
  await must('cp', ['-a', join(kit.place, 'secrets'), dir], {});
  const composeDir = join(kit.clone.dir, 'compose');
  const files = composeFiles('development', { monitoring: false }).flatMap((name) => ['-f', join(composeDir, name)]);
  const system = loadSystemConfig(join(kit.clone.dir, 'config'), 'development');
  const ports = await chooseFreePorts('development', system);
  return {
    deploy: async (manifest) => {
      const laidOut = join(kit.place, 'releases', manifest.digest.slice('sha256:'.length, 'sha256:'.length + 12));
      const variables = environmentOf({
        manifest,
        environment: 'development',
        system,
        project,
        ports,
        secretsDir: join(dir, 'secrets'),
        configDir: join(laidOut, 'config'),
        infrastructureDir: join(kit.place, 'infrastructure'),
      });
      const compose = (...args: string[]): Promise<void> =>
        must('docker', ['compose', '-p', project, ...files, ...args], variables);
      const began = performance.now();
      await compose('pull', '-q');
      await compose('up', '-d', '--wait', '--wait-timeout', '300');
      return performance.now() - began;
    },
    remove: () => removeProject(project),
  };
}

async function must(command: string, args: string[], variables: Readonly<Record<string, string>>): Promise<void> {
  const { code, stderr } = await run(command, args, { env: { ...dockerEnvironment(), ...variables } });
  if (code === 0) return;
  throw new Error(`${command} ${args.at(-1)} ended with ${code}:\n${stderr}`);
}
