import { expect } from '@jest/globals';
import { imageName, waitFor, type Manifest } from '@papergate/delivery';
import { running, SERVICES } from './services.ts';
import type { Kit } from './kit.ts';
import type { OrderClient } from './order-client.ts';

/** Exactly this manifest runs: every service once, by the digest that the manifest names. */
export function expectRuns({ project }: Pick<Kit, 'project'>, manifest: Manifest): void {
  const wanted = SERVICES.map((service) => {
    const image = manifest.images?.[service];
    if (image === undefined) throw new Error(`the manifest has no image of ${service}`);
    return { service, image: imageName(image), manifest: manifest.digest };
  });
  expect(running(project)).toEqual(wanted);
}

/** Every order that the client was told is taken is in the database. */
export function expectNoneLost(kit: Pick<Kit, 'sql'>, orders: OrderClient): void {
  const { acknowledged } = orders;
  expect(acknowledged.length).toBeGreaterThan(0);
  const stored = new Set(kit.sql("SELECT client_order_id FROM orders WHERE client_order_id LIKE 'client-%'"));
  expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
}

/** An order that is sent now is taken: the bundle works again, and not only its health checks. */
export async function expectTakesOrders(orders: OrderClient): Promise<void> {
  const before = orders.acknowledged.length;
  expect(await waitFor(() => orders.acknowledged.length > before, { timeoutMs: 20_000 })).toBe(true);
}
