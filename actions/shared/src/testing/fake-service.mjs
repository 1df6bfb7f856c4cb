// A service as the supervisor sees one, with faults on request: argv-free, all by environment.
//   FAKE_PORT_<NAME> its port; FAKE_LOG: a file to which it appends what happens to it;
//   FAKE_<NAME>: never-ready | crash | crash-once | crash-later | refuse | stubborn | foreign
// PAPERGATE_WATCH_STDIN as the service kit has it.
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename } from 'node:path';

const name = basename(process.argv[1], '.mjs');
const upper = name.toUpperCase();
const fault = process.env[`FAKE_${upper}`] ?? '';
const note = (what) => appendFileSync(process.env.FAKE_LOG, `${name} ${what} ${process.pid}\n`);
const marker = `${process.env.FAKE_LOG}.${name}.crashed`;

note('start');
console.log(JSON.stringify({ level: 30, msg: `${name} begins with ${Object.keys(process.env).sort().join(',')}` }));
if (fault === 'refuse') {
  console.error(`CONFIG_INVALID: ${name} does not like its configuration`);
  process.exit(2);
}
if (fault === 'crash') {
  console.error(`${name} breaks; the key is ${process.env.ALPACA_SECRET_KEY}`);
  process.exit(1);
}
if (fault === 'crash-once' && !existsSync(marker)) {
  writeFileSync(marker, '');
  process.exit(1);
}

const server = createServer((req, res) => {
  res.setHeader('content-type', 'application/json');
  if (req.url === '/crash') process.exit(1);
  if (req.url === '/health/ready') {
    const ready = fault !== 'never-ready';
    res.statusCode = ready ? 200 : 503;
    res.end(
      JSON.stringify({ ready, checks: { upstream: { ok: ready, detail: ready ? undefined : 'waits for ever' } } }),
    );
  } else {
    res.end(JSON.stringify({ status: 'healthy', release: fault === 'foreign' ? 'another' : process.env.RELEASE_SHA }));
  }
});
server.listen(Number(process.env[`FAKE_PORT_${upper}`]), '127.0.0.1');

function stop(why) {
  note(why);
  if (fault === 'stubborn') return;
  server.close(() => {
    note('stopped');
    process.exit(0);
  });
  server.closeAllConnections();
}
process.once('SIGTERM', () => stop('sigterm'));
process.stdin.once('end', () => stop('orphaned'));
process.stdin.resume();
