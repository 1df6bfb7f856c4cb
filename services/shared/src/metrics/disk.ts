import { statfs } from 'node:fs/promises';
import { Gauge } from 'prom-client';
import type { Metrics } from './metrics.ts';

/**
 * Room on the file system that the service runs on, in bytes. In a container that is the disk of the engine's images,
 * volumes and logs, so that no exporter of its own is needed to see it fill up.
 */
export function addDiskMetrics({ registry }: Metrics, path = '/'): void {
  const sampled = (name: string, help: string, blocksOf: (found: { blocks: number; bavail: number }) => number) =>
    new Gauge({
      name: `papergate_disk_${name}_bytes`,
      help,
      registers: [],
      async collect() {
        const found = await statfs(path);
        this.set(blocksOf(found) * found.bsize);
      },
    });
  registry.registerMetric(sampled('size', 'Size of the disk', ({ blocks }) => blocks));
  registry.registerMetric(sampled('free', 'Bytes of the disk that may still be written', ({ bavail }) => bavail));
}
