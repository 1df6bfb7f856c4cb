import { setImmediate } from 'node:timers/promises';
import { ExternalError, type Secret } from '@papergate/config';
import { imagesOf, presentImages, pullImages } from './images.ts';
import { servicesOf } from '../../composition/index.ts';
import type {
  DatabaseAccess,
  DeliveryTarget,
  Fence,
  Observed,
  Place,
  ProbeResult,
  PruneResult,
} from '../../deliver/types.ts';
import type { Check, OnProgress, ServiceUrls, StageResult } from '../../evidence/index.ts';
import { localHost, type Host } from '../../host/index.ts';
import type { Manifest } from '../../release/manifest.ts';
import { readableLine } from '../../supervisor/log-file.ts';
import { redact } from '../../supervisor/redact.ts';
import { layGate } from '../gate.ts';
import { createContainers } from './create.ts';
import { databaseOf } from './database.ts';
import { Docker } from './docker.ts';
import { takeDown } from './down.ts';
import { notPrepared } from './errors.ts';
import { bringUp } from './infrastructure.ts';
import { readLayout, render, writeLayout, type Layout } from './layout.ts';
import { loginFor } from './login.ts';
import { latestOf, mergedLines } from './logs.ts';
import { observePlace } from './observe.ts';
import { migrateWith, smokeWith } from './one-off.ts';
import type { ComposeTargetOptions } from './options.ts';
import { releasePaths } from './paths.ts';
import { Prober } from './probe.ts';
import { prunePlace } from './prune.ts';
import { neededSecrets, placeSecret, writeSecrets } from './secret-files.ts';
import { seen, startService, stopServices, type Seen } from './services.ts';
import { verifyPlace } from './verify.ts';
import { wavesOf } from './waves.ts';

/** A Docker Engine, on this machine or behind SSH, through its own command line. */
export class ComposeTarget implements DeliveryTarget {
  readonly order: readonly string[];
  readonly waves: readonly (readonly string[])[];
  readonly #options: ComposeTargetOptions;
  readonly #docker: Docker;
  readonly #prober: Prober;
  readonly #layouts = new Map<string, Layout>();
  #listing: Promise<Seen[]> | undefined;
  #opened: Host | undefined;

  constructor(given: ComposeTargetOptions) {
    // The files of a release lie on this machine, so that is where they are put together.
    const here = given.here ?? (given.place.host.name === 'local' ? given.place.host : this.#ownHere(given));
    const options = { ...given, here };
    this.#options = options;
    this.order = servicesOf(options.place.environment);
    this.waves = wavesOf(options.place.environment);
    this.#docker = new Docker(options.place.host);
    this.#prober = new Prober({
      docker: this.#docker,
      project: options.place.project,
      secrets: () => this.#secretTexts(),
    });
  }

  #ownHere({ env }: ComposeTargetOptions): Host {
    this.#opened = localHost({ env });
    return this.#opened;
  }

  get place(): Place {
    return this.#options.place;
  }

  get #where(): { docker: Docker; place: Place } {
    return { docker: this.#docker, place: this.place };
  }

  verify(manifest: Manifest, signal?: AbortSignal): Promise<Check[]> {
    return verifyPlace(this.#options, this.#docker, manifest, signal);
  }

  async ensureInfrastructure(
    manifest: Manifest,
    fence: Fence,
    onProgress: OnProgress,
    signal?: AbortSignal,
  ): Promise<void> {
    const { infrastructure } = await this.#layOut(manifest, fence, signal);
    await this.#fetch(imagesOf(infrastructure), fence, onProgress, signal);
    await bringUp(this.#where, infrastructure, fence, onProgress, signal);
  }

  async prepare(manifest: Manifest, fence: Fence, onProgress: OnProgress, signal?: AbortSignal): Promise<void> {
    const { release } = await this.#layOut(manifest, fence, signal);
    await this.#fetch(imagesOf(release), fence, onProgress, signal);
    onProgress({ message: 'making the containers' });
    await createContainers(this.#where, manifest, release, fence, signal);
  }

  async #fetch(images: readonly string[], fence: Fence, onProgress: OnProgress, signal?: AbortSignal): Promise<void> {
    await pullImages({ ...this.#where, auth: () => this.#login(images) }, images, fence, onProgress, signal);
    const present = await presentImages(this.#docker, images, signal);
    const missing = images.filter((image) => !present.has(image));
    if (missing.length === 0) return;
    throw new ExternalError({
      code: 'IMAGE_PULL_FAILED',
      message: `the engine has no ${missing.join(', ')} although fetching said nothing`,
      fix: 'look at "docker image ls --digests" there; something may be removing images',
    });
  }

  /** Docker of this machine has its own logins; another machine is lent ours. */
  async #login(images: readonly string[]): Promise<Secret | undefined> {
    const { dockerAuth, env, place } = this.#options;
    if (dockerAuth !== undefined || place.host.name === 'local') return dockerAuth;
    return loginFor(images, env);
  }

  /** The files of a release in the place; laid out once, and then as they were, whatever the checkout is by now. */
  async #layOut(manifest: Manifest, fence: Fence, signal?: AbortSignal): Promise<Layout> {
    let layout = await readLayout(this.#options, manifest);
    if (layout === undefined) {
      const rendering = await render(this.#options, this.#docker, manifest, fence.generation, signal);
      await writeLayout(this.#options, manifest, rendering, fence);
      layout = rendering;
    }
    const { gate: given } = this.#options;
    await layGate({ place: this.place, path: releasePaths(this.place, manifest.digest).gate, manifest, given });
    const needed = neededSecrets(layout.release, layout.infrastructure);
    await writeSecrets(this.place, this.#options.secrets, needed, fence);
    this.#layouts.set(manifest.digest, layout);
    return layout;
  }

  async #layout(manifest: Manifest): Promise<Layout> {
    const known = this.#layouts.get(manifest.digest) ?? (await readLayout(this.#options, manifest));
    if (known === undefined) throw notPrepared('any service', manifest.digest);
    this.#layouts.set(manifest.digest, known);
    return known;
  }

  database(): Promise<DatabaseAccess> {
    return databaseOf({ ...this.#where, secrets: this.#options.secrets });
  }

  async migrate(manifest: Manifest, fence: Fence, signal?: AbortSignal): Promise<{ applied: string[] }> {
    const { release } = await this.#layout(manifest);
    return migrateWith({ ...this.#where, model: release }, manifest, fence, this.#secretTexts(), signal);
  }

  stop(services: readonly string[], fence: Fence): Promise<void> {
    return stopServices({ docker: this.#docker, project: this.place.project }, services, fence);
  }

  async start(manifest: Manifest, service: string, fence: Fence): Promise<void> {
    const url = await this.#url(manifest, service);
    const where = { docker: this.#docker, url, list: () => this.#list() };
    this.#prober.began(manifest, service, await startService(where, manifest, service, fence));
  }

  /** One listing for all that ask before it begins: those of a wave start in the same moment. */
  #list(): Promise<Seen[]> {
    this.#listing ??= (async () => {
      await setImmediate();
      this.#listing = undefined;
      return seen(this.#docker, this.place.project);
    })();
    return this.#listing;
  }

  async probe(manifest: Manifest, service: string): Promise<ProbeResult> {
    const url = await this.#url(manifest, service);
    return this.#prober.probe(manifest, service, url, () => this.place.host.now());
  }

  observe(): Promise<Observed> {
    return observePlace(this.#where, this.order);
  }

  async smoke(manifest: Manifest, onProgress: OnProgress, signal?: AbortSignal): Promise<StageResult> {
    const { release } = await this.#layout(manifest);
    const timeoutS = this.#options.smokeTimeoutS;
    const { environment } = this.place;
    return smokeWith({ ...this.#where, model: release }, manifest, { timeoutS, onProgress, environment }, signal);
  }

  async urls(manifest: Manifest): Promise<ServiceUrls> {
    const { release } = await this.#layout(manifest);
    const published = this.order.filter((service) => release.services[service] !== undefined);
    const urls = await Promise.all(
      published.map(async (service) => [service, await this.#url(manifest, service)] as const),
    );
    return Object.fromEntries(urls);
  }

  async #url(manifest: Manifest, service: string): Promise<string> {
    const { release } = await this.#layout(manifest);
    const [port] = release.services[service]?.ports ?? [];
    if (port?.published === undefined) throw notPrepared(service, manifest.digest);
    return `http://127.0.0.1:${await this.place.host.forward(Number(port.published))}`;
  }

  token(): Promise<Secret | undefined> {
    return placeSecret(this.place, this.#options.secrets, 'API_TOKEN');
  }

  async logs(service: string, lines: number): Promise<string[]> {
    const container = await latestOf(this.#docker, this.place.project, service);
    if (container === undefined) return [];
    const found = await mergedLines(this.#docker, container.id, lines);
    return found.map(({ text }) => readableLine(redact(text, this.#secretTexts())));
  }

  prune(keep: readonly Manifest[], fence: Fence): Promise<PruneResult> {
    return prunePlace(this.#options, this.#docker, keep, fence);
  }

  down(options: { volumes: boolean }, fence: Fence): Promise<void> {
    return takeDown(this.#where, options, () => this.#stopAll(fence), fence);
  }

  async #stopAll(fence: Fence): Promise<void> {
    for (const wave of this.waves.toReversed()) await this.stop(wave, fence);
  }

  /** The host of the place is the caller's. */
  async close(): Promise<void> {
    await this.#opened?.close();
  }

  #secretTexts(): string[] {
    return [...this.#options.secrets.values()].map((secret) => secret.reveal());
  }
}
