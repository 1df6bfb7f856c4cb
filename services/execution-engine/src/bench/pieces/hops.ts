// The least that the way of a tick to a durable order can be: what comes on one ZeroMQ socket is passed on to another, and
// what comes there is committed and told of. Argument: the database. Prints the ports of its first and its last socket.
import { Publisher, Subscriber } from 'zeromq';
import { Secret } from '@papergate/config';
import { createPool } from '@papergate/service-kit';

const pool = createPool({ url: new Secret(process.argv[2] ?? ''), poolSize: 1, applicationName: 'ceiling' });
const INSERT = `INSERT INTO orders (order_id, client_order_id, request_hash, source, symbol, side, type, quantity, time_in_force, status)
  VALUES (gen_random_uuid(), $1, 'ceiling', 'signal', 'AAPL', 'buy', 'market', 1, 'day', 'canceled')`;

async function publisher(): Promise<{ socket: Publisher; port: string }> {
  const socket = new Publisher();
  await socket.bind('tcp://127.0.0.1:*');
  return { socket, port: /:(\d+)$/.exec(socket.lastEndpoint ?? '')?.[1] ?? '' };
}

function subscriber(port: string): Subscriber {
  const socket = new Subscriber();
  socket.subscribe();
  socket.connect(`tcp://127.0.0.1:${port}`);
  return socket;
}

const [first, second, last] = [await publisher(), await publisher(), await publisher()];
const orders = subscriber(second.port);
void (async () => {
  for await (const [id = Buffer.alloc(0)] of orders) {
    await pool.query({ name: 'ceiling', text: INSERT, values: [`ceiling-${String(id)}`] });
    await last.socket.send(id);
  }
})();
process.stdin.resume().on('end', () => process.exit(0));
process.stdin.on('data', (id) => void first.socket.send(id));
const ticks = subscriber(first.port);
console.log(`${first.port} ${last.port}`);
for await (const [id = Buffer.alloc(0)] of ticks) await second.socket.send(id);
