import { WebSocket } from 'ws';

/**
 * Viewers of a benchmark, in a process of their own. Arguments: address, number of viewers, deliveries that they wait
 * for together. Prints `ready`, then the seconds from the first delivery to the last.
 */
const [url = '', viewers = '0', wanted = '0'] = process.argv.slice(2);
const MARK = Buffer.from('"type":"tick"');
let seen = 0;
let firstAt = 0;
let subscribed = 0;

function count(data: Buffer): void {
  if (firstAt === 0) firstAt = performance.now();
  for (let at = data.indexOf(MARK); at >= 0; at = data.indexOf(MARK, at + MARK.length)) seen += 1;
  if (seen < Number(wanted)) return;
  process.stdout.write(`${(performance.now() - firstAt) / 1000}\n`);
  process.exit(0);
}

for (let at = 0; at < Number(viewers); at += 1) {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  socket.binaryType = 'nodebuffer';
  socket.on('message', (data: Buffer) => {
    // The answer to the ping: the subscription before it stands.
    if (data.length < 32 && data.includes('"pong"')) {
      subscribed += 1;
      if (subscribed === Number(viewers)) process.stdout.write('ready\n');
    } else count(data);
  });
  socket.on('open', () => {
    socket.send('{"action":"subscribe","symbols":["*"]}');
    socket.send('{"action":"ping"}');
  });
  socket.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
}
