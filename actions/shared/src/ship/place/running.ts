import { readHistory } from '../../deliver/history.ts';
import type { ServiceUrls } from '../../evidence/index.ts';
import type { Manifest } from '../../release/index.ts';
import { askStatus } from '../../supervisor/client.ts';
import type { OpenPlace } from './open.ts';

/** The release that runs in a place, as its record knows it; undefined where nothing runs, or what runs is not on record. */
export async function runningManifest({ place, target }: OpenPlace): Promise<Manifest | undefined> {
  const [{ releases, current }, observed] = await Promise.all([readHistory(place), target.observe()]);
  const digest = observed.manifestDigest ?? current;
  return releases.find(({ manifest }) => manifest.digest === digest)?.manifest;
}

/** Where the services of a place answer; undefined where nothing runs. */
export async function runningUrls(
  open: OpenPlace,
): Promise<{ urls: ServiceUrls; manifest: Manifest | undefined } | undefined> {
  if (open.place.kind === 'process') {
    const status = await askStatus(open.options.home);
    if (status === undefined) return undefined;
    const urls = Object.fromEntries(status.services.map(({ name, url }) => [name, url]));
    const manifest = (await readHistory(open.place)).releases.find(
      (release) => release.manifest.digest === status.manifest_digest,
    )?.manifest;
    return { urls, manifest };
  }
  const { services } = await open.target.observe();
  if (services.every(({ state }) => state !== 'running')) return undefined;
  const manifest = await runningManifest(open);
  return manifest === undefined ? undefined : { urls: await open.target.urls(manifest), manifest };
}
