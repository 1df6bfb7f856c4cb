import type { Observed, ObservedService, Place } from '../../deliver/types.ts';
import { probeReadiness } from '../../supervisor/readiness.ts';
import { containersOf, digestOfImage, isService, type Container } from './containers.ts';
import type { Docker } from './docker.ts';
import { endWords } from './probe.ts';

/** What is there of each service, asked of the engine and of the service itself. */
export async function observePlace(
  { docker, place }: { docker: Docker; place: Place },
  order: readonly string[],
): Promise<Observed> {
  const all = (await containersOf(docker, { project: place.project })).filter(isService);
  const services = await Promise.all(
    order.map((service) =>
      observeService(
        place,
        service,
        all.filter((container) => container.service === service),
      ),
    ),
  );
  const manifests = new Set(all.filter(({ running }) => running).map(({ manifest }) => manifest));
  return { manifestDigest: manifests.size === 1 ? [...manifests][0] : undefined, services };
}

async function observeService(place: Place, service: string, own: readonly Container[]): Promise<ObservedService> {
  const running = own.filter((container) => container.running);
  const latest = [...own].sort((a, b) => (b.startedAt ?? 0) - (a.startedAt ?? 0) || b.createdAt - a.createdAt)[0];
  const container = running[0] ?? latest;
  if (container === undefined) return { service, digest: undefined, state: 'absent', ready: false, restarts: 0 };
  const { restarts } = container;
  const seen = { service, digest: digestOfImage(container.image), restarts };
  if (running.length === 0) return { ...seen, state: 'stopped', ready: false, detail: endWords(container, undefined) };
  const detail = running.length > 1 ? `${running.length} containers of it run` : await whyNotReady(place, container);
  const ready = detail === undefined;
  return { ...seen, state: 'running', ready, ...(ready ? {} : { detail }) };
}

async function whyNotReady(place: Place, container: Container): Promise<string | undefined> {
  if (container.status !== 'running') return endWords(container, undefined);
  const [port] = container.ports;
  if (port === undefined) return 'it publishes no port';
  const url = `http://127.0.0.1:${await place.host.forward(port.published)}`;
  const answer = await probeReadiness(url, container.commit);
  return answer === true ? undefined : answer;
}
