import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startLiveStandIn } from './stand-in.ts';

// The stand-in as a program, for tests that cannot import it: one JSON line on standard output, and it ends when its
// standard input closes. Key and secret are in files, as production gets them.
//   node services/shared/src/testing/alpaca-live/main.ts [--host 127.0.0.1] [--port 0] [-- flags of papergate exchange]
const { values, positionals } = parseArgs({
  options: { host: { type: 'string', default: '127.0.0.1' }, port: { type: 'string', default: '0' } },
  allowPositionals: true,
});
const standIn = await startLiveStandIn({ host: values.host, port: Number(values.port), flags: positionals });
const folder = await mkdtemp(join(tmpdir(), 'papergate-live-keys-'));
const files = { key_file: join(folder, 'key'), secret_file: join(folder, 'secret') };
await writeFile(files.key_file, standIn.key.reveal(), { mode: 0o600 });
await writeFile(files.secret_file, standIn.secret.reveal(), { mode: 0o600 });

const end = async (): Promise<void> => {
  await standIn.close();
  await rm(folder, { recursive: true, force: true });
  process.exit(0);
};
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end());
process.stdin.on('end', () => void end()).resume();
const { port, exchange, authorityFile, env } = standIn;
process.stdout.write(`${JSON.stringify({ port, exchange, authority_file: authorityFile, ...files, env })}\n`);
