import { placeContainers } from './docker.ts';

/** Services of the development bundle. */
export const SERVICES = [
  'dashboard',
  'execution-engine',
  'market-data',
  'observability-api',
  'orchestrator',
  'paper-exchange',
  'risk-manager',
  'signal-bridge',
];

/** What of a place runs, by service: the reference that its container was created with, and its manifest. */
export function running(project: string): { service: string; image: string; manifest: string }[] {
  return placeContainers(project)
    .filter((container) => container.running && SERVICES.includes(container.service))
    .map(({ service, image, manifest }) => ({ service, image, manifest }))
    .toSorted((a, b) => a.service.localeCompare(b.service));
}
