import { placeSettings, openPlace, registryOf, type OpenPlace } from '../place/index.ts';
import type { StageResult } from '../../evidence/index.ts';
import type { BuiltImages } from '../../images/index.ts';
import { parseNamespace } from '../../registry/index.ts';
import type { Release } from '../../release/index.ts';
import type { RunCredentials } from '../stages/validate.ts';
import type { ShipOptions, ShipPlaceOptions, ShipStages } from '../types.ts';
import { buildBundle, pushBundle, type BundleOptions } from './bundle.ts';
import type { PlaceKind, StageCall } from './kind.ts';

/** Images for a Docker Engine, here or behind SSH: built here, pushed to a registry, and run there by digest. */
export function composeKind(
  options: ShipOptions,
  place: ShipPlaceOptions,
  stages: ShipStages,
  runId: string,
): PlaceKind {
  return new ComposeKind(options, place, stages, runId);
}

class ComposeKind implements PlaceKind {
  readonly #options: ShipOptions;
  readonly #place: ShipPlaceOptions;
  readonly #stages: ShipStages;
  readonly #runId: string;
  #open: OpenPlace | undefined;
  #built: BuiltImages | undefined;
  #sentinels: string[] = [];

  constructor(options: ShipOptions, place: ShipPlaceOptions, stages: ShipStages, runId: string) {
    this.#options = options;
    this.#place = place;
    this.#stages = stages;
    this.#runId = runId;
  }

  async open(release: Release, credentials: RunCredentials): Promise<OpenPlace> {
    const { repository, home, env, signal, ports } = this.#options;
    const { choice, registry, monitoring, requireSignature } = this.#place;
    this.#sentinels = [...credentials.secrets.values()].map((secret) => secret.reveal());
    const settings = placeSettings({
      monitoring,
      requireSignature,
      // A place keeps the ports that it has.
      ports: ports === 'free' ? ports : undefined,
    });
    const next = (): Promise<Release['manifest']> => Promise.resolve(release.manifest);
    const open = await openPlace({
      choice,
      repository,
      home,
      env,
      stages: this.#stages,
      signal,
      settings,
      next,
      runId: this.#runId,
    });
    open.settings.registry = await registryOf(open, this.#options, registry);
    parseNamespace(open.settings.registry);
    return (this.#open = open);
  }

  async build(release: Release, call: StageCall): Promise<StageResult> {
    const { result, built } = await buildBundle(release, this.#bundle, call);
    this.#built = built;
    return result;
  }

  async push(release: Release, call: StageCall): ReturnType<PlaceKind['push']> {
    const registry = this.#open?.settings.registry;
    const built = this.#built;
    if (registry === undefined || built === undefined) throw new Error('nothing was built');
    const { signKey } = this.#place;
    const { result, manifest } = await pushBundle(release, built, { ...this.#bundle, registry, signKey }, call);
    return { result, manifest };
  }

  get #bundle(): BundleOptions {
    const { repository, env } = this.#options;
    const { nodeImage, postgresImage } = this.#place;
    return { repository, env, nodeImage, postgresImage, sentinels: this.#sentinels };
  }
}
