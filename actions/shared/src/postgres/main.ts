// A PostgreSQL in one command, for tests of the services: it runs until stdin closes or a signal comes.
//   node actions/shared/src/postgres/main.ts --data DIR [--port 0] [--fast] [--json]
import { parseArgs } from 'node:util';
import { describeError, PapergateError, UserError } from '@papergate/config';
import { startEmbeddedPostgres } from './index.ts';

const USAGE = 'node actions/shared/src/postgres/main.ts --data DIR [--port N] [--fast] [--json]';

interface Arguments {
  data: string;
  port: number;
  fast: boolean;
  json: boolean;
}

function readArguments(argv: string[]): Arguments {
  const usage = (message: string): UserError => new UserError({ code: 'USAGE', message, fix: `usage: ${USAGE}` });
  let values: { data?: string; port?: string; fast?: boolean; json?: boolean };
  try {
    ({ values } = parseArgs({
      args: argv,
      options: {
        data: { type: 'string' },
        port: { type: 'string' },
        fast: { type: 'boolean' },
        json: { type: 'boolean' },
      },
    }));
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
  if (values.data === undefined || values.data === '') throw usage('--data is missing: the folder of the database');
  const port = Number(values.port ?? 0);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw usage(`--port is "${values.port}", allowed: 0 (a free one) to 65535`);
  }
  return { data: values.data, port, fast: values.fast ?? false, json: values.json ?? false };
}

function untilAskedToStop(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
    process.stdin.on('end', resolve).on('close', resolve).on('error', resolve).resume();
  });
}

try {
  const asked = untilAskedToStop();
  const { data, port, fast, json } = readArguments(process.argv.slice(2));
  const postgres = await startEmbeddedPostgres({ dataDir: data, port, durable: !fast, createDatabases: true });
  const { version, pid } = postgres;
  // Printing the addresses with their passwords is this command's whole purpose; they are of a local test cluster.
  const facts = {
    url: postgres.url.reveal(),
    admin_url: postgres.adminUrl.reveal(),
    port: postgres.port,
    version,
    pid,
  };
  process.stdout.write(json ? `${JSON.stringify(facts)}\n` : `${facts.url}\nPostgreSQL ${version}; Ctrl-C stops it\n`);
  await Promise.race([asked, postgres.exited]);
  await postgres.stop();
  process.stdin.destroy();
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = error instanceof PapergateError ? error.exitCode : 3;
  process.stdin.destroy();
}
