import { migrateDatabase } from './database/migrate.ts';
import { describeError, PapergateError, readSecret } from '@papergate/config';

// `node services/shared/src/migrate.ts`: brings DATABASE_URL to the newest schema and prints one JSON line.
try {
  const url = readSecret(process.env, 'DATABASE_URL');
  console.log(JSON.stringify(await migrateDatabase(url)));
} catch (error) {
  console.error(`papergate: ${describeError(error)}`);
  process.exitCode = error instanceof PapergateError ? error.exitCode : 3;
}
