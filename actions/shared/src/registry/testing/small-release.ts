import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A tree with one service and no packages of others: npm lists it in no time. */
export function smallRelease(): string {
  const dir = mkdtempSync(join(tmpdir(), 'papergate-release-'));
  const write = (path: string, value: unknown): void => writeFileSync(join(dir, path), JSON.stringify(value));
  const orders = { name: '@bundle/orders', version: '1.0.0', license: 'Apache-2.0' };
  const bundle = { name: 'bundle', version: '1.0.0', license: 'Apache-2.0', workspaces: ['services/*'] };
  mkdirSync(join(dir, 'services/orders'), { recursive: true });
  write('package.json', { ...bundle, private: true });
  write('services/orders/package.json', orders);
  write('package-lock.json', {
    ...bundle,
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': bundle,
      'node_modules/@bundle/orders': { resolved: 'services/orders', link: true },
      'services/orders': orders,
    },
  });
  return dir;
}
