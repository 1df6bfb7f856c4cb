import { byId, element, setText, setTone } from '../dom.js';
import { asDuration } from '../format.js';

/** @param {Record<string, {alive: boolean, ready: boolean, latency_ms: number|null, release: string|null, problem: string|null}>} services */
export function showServices(services) {
  const items = Object.entries(services).map(([name, service]) => {
    const tone = service.ready ? 'good' : service.alive ? 'warn' : 'bad';
    const word = service.ready ? 'ready' : service.alive ? 'not ready' : 'gone';
    const latency = service.latency_ms === null ? '' : asDuration(service.latency_ms);
    const release = service.release === null ? '' : service.release.slice(0, 12);
    const detail = service.problem ?? [latency, release].filter((text) => text !== '').join(' · ');
    const item = element('li', {}, [
      element('span', { class: `dot is-${tone}` }),
      element('span', { class: 'name', text: name }),
      element('span', { class: 'word', text: word }),
      element('span', { class: 'detail', text: detail }),
    ]);
    if (tone !== 'good') setTone(item, tone);
    return item;
  });
  byId('services').replaceChildren(...items);
}

/** Nobody can say how the services are: what was shown before must not look like now. */
export function showServicesUnknown(reason) {
  byId('services').replaceChildren(
    element('li', { class: 'is-bad' }, [
      element('span', { class: 'dot is-bad' }),
      element('span', { class: 'name', text: 'orchestrator' }),
      element('span', { class: 'word', text: 'gone' }),
      element('span', { class: 'detail', text: reason }),
    ]),
  );
}

export function showRelease(release) {
  setText(
    byId('release'),
    release.uniform ? `release ${release.sha}` : `release ${release.sha} – the services run different releases`,
  );
}
