import type { DeliverOptions, MigrationRequest } from '../../deliver/options.ts';
import type { DeliveryTarget } from '../../deliver/types.ts';
import type { Home } from '../../home/index.ts';

export interface MigrationsOf {
  repository: string;
  home: Home;
  target: DeliveryTarget;
  signal: AbortSignal;
}

export function migrationsCheck(_options: MigrationsOf): DeliverOptions['checkMigrations'] {
  return (_request: MigrationRequest) => Promise.resolve([]);
}
