import type { EnvSource, GateEvidence, Secret } from '@papergate/config';
import type { MonitoringImage, PublishedPorts } from '../../composition/index.ts';
import type { Place } from '../../deliver/types.ts';
import type { Check } from '../../evidence/index.ts';
import type { Host } from '../../host/types.ts';
import type { Manifest } from '../../release/manifest.ts';

/** Where a release's own files are on this machine, for a release that is not laid out in the place yet. */
export interface ReleaseSource {
  /** Its `config/`. */
  configDir: string;
  /** Its `compose/`. */
  composeDir: string;
}

export interface ComposeTargetOptions {
  place: Place;
  /** This machine's environment: for `docker compose config`, which needs no engine, and for the registry's credentials. */
  env: EnvSource;
  /** This machine; default: opened with `env` where it is not the place's host itself. */
  here?: Pick<Host, 'run'>;
  /** Asked only for a release that the place does not have; rolling back needs no checkout. */
  releaseSource: (manifest: Manifest) => ReleaseSource | Promise<ReleaseSource>;
  /** `free` ones are drawn once and kept with the place. */
  ports: 'default' | 'free' | PublishedPorts;
  /** Images of the monitoring, by digest; left out: none runs. */
  monitoring?: Readonly<Partial<Record<MonitoringImage, string>>> | undefined;
  /** What goes into `secrets/` of the place, by file name; empty for calls that deliver nothing. */
  secrets: ReadonlyMap<string, Secret>;
  /**
   * A `config.json` of docker with the logins for pulling. It lies on the host for the time of the pull only.
   * Left out: on this machine what docker has; another one is lent what this machine knows of the registries.
   */
  dockerAuth?: Secret | undefined;
  /** Whether the registry has every image of a manifest; default: asks it from this machine. */
  verifyImages?: (manifest: Manifest, signal?: AbortSignal) => Promise<Check[]>;
  /** Production: what the gate left for the release that is delivered. */
  gate?: GateEvidence | undefined;
  /** Seconds that anything of the smoke test may take. */
  smokeTimeoutS?: number | undefined;
}
