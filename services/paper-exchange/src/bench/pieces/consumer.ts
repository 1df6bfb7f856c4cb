import { parentPort, workerData } from 'node:worker_threads';
import { Alpaca } from '@alpacahq/alpaca-trade-api';
import WebSocket from 'ws';
import { encode } from '@msgpack/msgpack';

interface Job {
  kind: 'raw' | 'client';
  dataUrl: string;
  key: string;
  secret: string;
}

// A reader on a thread of its own: counts ticks and tells how many it has, and when the first and the last came.
const { kind, dataUrl, key, secret } = workerData as Job;
let count = 0;
let first = 0;
let last = 0;
function seen(ticks: number): void {
  last = performance.now();
  if (first === 0) first = last;
  count += ticks;
}

let close: () => void;
if (kind === 'raw') {
  const socket = new WebSocket(dataUrl, {
    perMessageDeflate: false,
    headers: { 'content-type': 'application/msgpack', 'APCA-API-KEY-ID': key, 'APCA-API-SECRET-KEY': secret },
  });
  socket.on('open', () => socket.send(encode({ action: 'subscribe', trades: ['*'], quotes: ['*'] })));
  socket.on('message', (data: Buffer) => {
    if (data[0] === 0xdc) seen(data.readUInt16BE(1));
  });
  close = () => socket.terminate();
} else {
  const stream = new Alpaca({ keyId: key, secret, paper: true }).marketData.stockStream({
    url: dataUrl,
    reconnect: false,
  });
  stream.onTrade(() => seen(1));
  stream.onQuote(() => seen(1));
  stream.subscribeForTrades(['*']);
  stream.subscribeForQuotes(['*']);
  stream.connect();
  close = () => stream.disconnect();
}

parentPort?.on('message', (question: string) => {
  if (question === 'close') {
    close();
    parentPort?.close();
  } else parentPort?.postMessage({ count, seconds: (last - first) / 1000 }, []);
});
