import { UserError, type Environment, type SystemConfig } from '@papergate/config';
import { freePorts } from '../net/free-port.ts';
import { imageName, type Manifest } from '../release/manifest.ts';
import { MONITORING_IMAGES, servicesOf, variableName, type MonitoringImage, type PortName } from './names.ts';

/** Ports of the monitoring's pages on the host, as the blueprint names them. */
const MONITORING_PORTS = { prometheus: 9091, alertmanager: 9093, grafana: 3001, loki: 3100 } as const;

export type PublishedPorts = Readonly<Partial<Record<PortName, number>>>;

/** Which port of the host's loopback leads to what, by default: those of the configuration. */
export function defaultPorts(environment: Environment, system: SystemConfig): Record<string, number> & PublishedPorts {
  const services = servicesOf(environment).map((name) => [name, system.services[name].http_port]);
  return { ...Object.fromEntries(services), postgres: system.database.port, ...MONITORING_PORTS };
}

/** Free ports of this machine for all of it. Keep them with the place: another port makes PostgreSQL's container anew. */
export async function chooseFreePorts(environment: Environment, system: SystemConfig): Promise<PublishedPorts> {
  const names = Object.keys(defaultPorts(environment, system));
  const ports = await freePorts(names.length);
  return Object.fromEntries(names.map((name, at) => [name, ports[at] ?? 0]));
}

export interface EnvironmentOptions {
  manifest: Manifest;
  environment: Environment;
  /** The release's own configuration, as it stands in its `config/` (not the one moved between containers). */
  system: SystemConfig;
  project: string;
  /** Absent names take their default. */
  ports: 'default' | PublishedPorts;
  /** Folders on the host that runs the containers. */
  secretsDir: string;
  configDir: string;
  infrastructureDir: string;
  /** Of the monitoring, `repository@sha256:…` each; where they are left out, the bundle runs without. */
  monitoring?: {
    images: Readonly<Partial<Record<MonitoringImage, string>>>;
    configDigest: string;
    dockerRoot?: string;
  };
  generation?: number;
}

/**
 * The variables of the Compose files for one release in one place. No secret is among them.
 * @throws UserError MANIFEST_WITHOUT_IMAGES, MONITORING_IMAGE_INVALID
 */
export function environmentOf(options: EnvironmentOptions): Record<string, string> {
  const { manifest, environment, system, monitoring } = options;
  const variables: Record<string, string> = {
    PAPERGATE_PROJECT: options.project,
    PAPERGATE_ENVIRONMENT: environment,
    PAPERGATE_MANIFEST: manifest.digest,
    PAPERGATE_COMMIT: manifest.commit,
    PAPERGATE_GENERATION: String(options.generation ?? 0),
    PAPERGATE_CONFIG: options.configDir,
    PAPERGATE_SECRETS: options.secretsDir,
    PAPERGATE_INFRASTRUCTURE: options.infrastructureDir,
    PAPERGATE_LOG_LEVEL: system.logging.level,
    PAPERGATE_DATABASE_NAME: system.database.name,
    PAPERGATE_DATABASE_USER: system.database.user,
    PAPERGATE_IMAGE_POSTGRES: imageOf(manifest, 'postgres'),
  };
  for (const name of servicesOf(environment)) {
    variables[`PAPERGATE_IMAGE_${variableName(name)}`] = imageOf(manifest, name);
    variables[`PAPERGATE_HTTP_${variableName(name)}`] = String(system.services[name].http_port);
  }
  const ports = { ...defaultPorts(environment, system), ...(options.ports === 'default' ? {} : options.ports) };
  for (const [name, port] of Object.entries(ports)) variables[`PAPERGATE_PORT_${variableName(name)}`] = String(port);
  if (monitoring !== undefined) {
    variables['PAPERGATE_MONITORING_CONFIG'] = monitoring.configDigest;
    if (monitoring.dockerRoot !== undefined) variables['PAPERGATE_DOCKER_ROOT'] = monitoring.dockerRoot;
    for (const name of MONITORING_IMAGES) {
      variables[`PAPERGATE_IMAGE_${variableName(name)}`] = monitoringImage(name, monitoring.images[name]);
    }
  }
  return variables;
}

/** The monitoring's images as the caller's environment names them: `PAPERGATE_IMAGE_PROMETHEUS` and so on. */
export function monitoringImages(
  env: Readonly<Record<string, string | undefined>>,
): Partial<Record<MonitoringImage, string>> {
  const found = MONITORING_IMAGES.map((name) => [name, env[`PAPERGATE_IMAGE_${variableName(name)}`]] as const);
  return Object.fromEntries(found.filter(([, image]) => image !== undefined && image !== ''));
}

function imageOf({ images, commit }: Manifest, name: string): string {
  const image = images?.[name];
  if (image !== undefined) return imageName(image);
  throw new UserError({
    code: 'MANIFEST_WITHOUT_IMAGES',
    message: `the manifest of ${commit.slice(0, 12)} names no image for ${name}; a compose target runs images by digest`,
    fix: `build and push the commit first: papergate ship --target compose --sha ${commit.slice(0, 12)}`,
  });
}

function monitoringImage(name: MonitoringImage, image: string | undefined): string {
  if (image !== undefined && /^[a-z0-9.:/_-]+@sha256:[0-9a-f]{64}$/.test(image)) return image;
  const found =
    image === undefined ? 'missing' : image.length > 200 ? `a text of ${image.length} characters` : `"${image}"`;
  throw new UserError({
    code: 'MONITORING_IMAGE_INVALID',
    message: `PAPERGATE_IMAGE_${variableName(name)} is ${found}; the monitoring runs images by digest, such as registry.example/${name}@sha256:…`,
    fix: `set PAPERGATE_IMAGE_${variableName(name)} to an image of ${name} with its digest, or leave --monitoring out`,
  });
}
