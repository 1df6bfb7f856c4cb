import { readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface Benchmark {
  /** `service/name`, as `--only` takes it. */
  name: string;
  file: string;
  /** Takes minutes by its nature (recorded ticks at their own pace): runs only where it is named. */
  long: boolean;
}

/** Every `src/bench/*.ts` of the services and every `*.bench.ts` beside this file: a benchmark is found, not listed. */
export function findBenchmarks(root: string): Benchmark[] {
  const services = join(root, 'services');
  const found = entries(services).flatMap((service) =>
    entries(join(services, service, 'src', 'bench'))
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) => ({
        name: `${service}/${file.slice(0, -3)}`,
        file: join(services, service, 'src', 'bench', file),
        long: false,
      })),
  );
  const own = join(root, 'actions', 'cli', 'src', 'bench');
  const bundle = entries(own)
    .filter((file) => file.endsWith('.bench.ts'))
    .map((file) => ({
      name: `bundle/${file.replace(/(\.long)?\.bench\.ts$/, '')}`,
      file: join(own, file),
      long: file.endsWith('.long.bench.ts'),
    }));
  return [...found, ...bundle].toSorted((a, b) => a.name.localeCompare(b.name));
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
