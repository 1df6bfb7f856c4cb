import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { busKeyFiles, parseBusKeys, Secret, type BusKeys, type ServiceName } from '@papergate/config';
import { curveKeyPair, Dealer, Publisher, Subscriber, type Socket } from 'zeromq';
import { createMetrics, type Metrics } from '../../metrics/metrics.ts';
import { until } from '../../testing/until.ts';
import { createBus, type Bus, type BusEndpoint } from '../bus.ts';
import { createPublisher, type BusPublisher } from '../publisher.ts';
import { createRequester, createResponder } from '../requests.ts';
import { createSubscriber, type BusSubscriber } from '../subscriber.ts';
import { observe } from './events.ts';

/** Room for a key exchange on a machine that is busy with much else. */
const HANDSHAKE_MS = 2_000;

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

const place = () => busKeyFiles(new Secret(randomBytes(32).toString('base64url')));
const keysOf = (files: ReturnType<typeof place>, service: ServiceName): BusKeys =>
  parseBusKeys(files.get(service) ?? new Secret(''), service, service);

let ours: ReturnType<typeof place>;
let metrics: Metrics;
let warn: ReturnType<typeof jest.fn>;
let market: BusPublisher;
let url: string;

const busOf = (service: ServiceName, files = ours): Bus =>
  createBus({ keys: keysOf(files, service), metrics: createMetrics(service, { runtime: false }), logger: { warn } });

beforeEach(async () => {
  ours = place();
  metrics = createMetrics('market-data', { runtime: false });
  warn = jest.fn();
  const keys = keysOf(ours, 'market-data');
  const bus = createBus({ keys, metrics, logger: { warn }, handshakeMs: HANDSHAKE_MS });
  market = await createPublisher({ service: 'market-data', host: '127.0.0.1', port: 0, bus });
  open.push(() => market.close());
  url = `tcp://127.0.0.1:${market.port}`;
});

async function count(metric: 'refused' | 'malformed', reason: string, of = metrics): Promise<number> {
  const { values } = (await of.registry.getSingleMetric(`papergate_bus_${metric}_total`)?.get()) ?? { values: [] };
  return values.find(({ labels }) => labels['reason'] === reason)?.value ?? 0;
}

/** A reader with its numbers, of the service's own key. */
function reader(service: ServiceName, bus: Bus = busOf(service), topics = ['heartbeat']): BusSubscriber {
  const endpoints: BusEndpoint[] = [{ server: 'market-data', url }];
  const subscriber = createSubscriber({ endpoints, topics, bus, onMessage: () => undefined });
  open.push(() => subscriber.close());
  return subscriber;
}

/** A raw socket that takes what it can get. */
function stranger(options: ConstructorParameters<typeof Subscriber>[0]): { got: () => number } {
  const socket = new Subscriber({ linger: 0, reconnectInterval: 50, ...options });
  socket.subscribe('');
  socket.connect(url);
  let got = 0;
  void (async () => {
    for await (const frames of socket) got += frames.length;
  })().catch(() => undefined);
  open.push(() => socket.close());
  return { got: () => got };
}

const heard = (subscriber: BusSubscriber): number => subscriber.received.get('market-data/heartbeat') ?? 0;

/** Publishes until one more has come: what was refused took nothing away from who was let in. */
async function goesOn(subscriber: BusSubscriber): Promise<void> {
  const before = heard(subscriber);
  await until('a message of the publisher', async () => {
    await market.publish('heartbeat', { n: 1 });
    return heard(subscriber) > before;
  });
}

const strange = () => {
  const { publicKey, secretKey } = curveKeyPair();
  return { curvePublicKey: publicKey, curveSecretKey: secretKey };
};

describe('a publisher with keys', () => {
  test('lets its readers in, each with a key of its own', async () => {
    for (const service of ['signal-bridge', 'risk-manager', 'paper-exchange'] as const) await goesOn(reader(service));
    expect(warn).not.toHaveBeenCalled();
  });

  test('refuses a stranger’s key, although the stranger knows the publisher’s, and goes on', async () => {
    const friend = reader('signal-bridge');
    await goesOn(friend);
    // libzmq itself would not try again; who means harm does.
    const attempts = [0, 1].map(() =>
      stranger({ ...strange(), curveServerKey: keysOf(ours, 'market-data').publicKey }),
    );
    await until('both refusals', async () => (await count('refused', 'unknown_key')) >= 2);
    await goesOn(friend);
    expect(attempts.map(({ got }) => got())).toEqual([0, 0]);
    // It comes again and again; the log says it once.
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn).toHaveBeenCalledWith(
      { code: 'BUS_PEER_REFUSED', reason: 'unknown_key', peer: '127.0.0.1' },
      expect.any(String),
    );
  });

  test('refuses who does not encrypt, and who has the keys of another place', async () => {
    const friend = reader('signal-bridge');
    await goesOn(friend);
    const plain = stranger({});
    const foreign = stranger({ ...strange(), curveServerKey: curveKeyPair().publicKey });
    // Who does not encrypt sees first that the publisher does, now and then, and hangs up; libzmq gives such a server up.
    await until('both refusals', async () => {
      const reasons = ['no_curve', 'abandoned', 'handshake'];
      const [none = 0, gone = 0, other = 0] = await Promise.all(reasons.map((reason) => count('refused', reason)));
      return none + gone > 0 && other > 0;
    });
    await goesOn(friend);
    expect(plain.got() + foreign.got()).toBe(0);
  });

  test('refuses a service of the bundle that has no business with it', async () => {
    const { curvePublicKey, curveSecretKey } = { ...pairOf(keysOf(ours, 'execution-engine')) };
    // No code of ours would do that: execution-engine does not even know the publisher's key.
    const keys = keysOf(ours, 'market-data');
    const peers = new Map([...keys.peers, ['execution-engine', curvePublicKey] as const]);
    const other = createMetrics('market-data', { runtime: false });
    const strict = await createPublisher({
      service: 'market-data',
      host: '127.0.0.1',
      port: 0,
      bus: createBus({ keys: { ...keys, peers }, metrics: other, logger: { warn } }),
    });
    open.push(() => strict.close());
    url = `tcp://127.0.0.1:${strict.port}`;
    stranger({ curvePublicKey, curveSecretKey, curveServerKey: keys.publicKey });
    await until('the refusal', async () => (await count('refused', 'not_a_client', other)) > 0);
  });

  test('hangs up on bytes that are no ZeroMQ, counts them, and goes on', async () => {
    const friend = reader('signal-bridge');
    await goesOn(friend);
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'.repeat(20)), randomBytes(4_096).fill(0, 0, 1)]) {
      const socket = connect(market.port, '127.0.0.1');
      const gone = new Promise((resolve) => {
        socket.once('close', resolve).on('error', () => undefined);
      });
      socket.write(bytes);
      open.push(() => socket.destroy());
      await gone;
    }
    await until('both to be counted', async () => (await count('refused', 'not_zmtp')) === 2, 30_000);
    await goesOn(friend);
  });

  test('takes the messages of a publisher only, whose key it knows', async () => {
    const { curveSecretKey } = strange();
    const impostor = new Publisher({ curveServer: true, curveSecretKey, linger: 0 });
    await impostor.bind('tcp://127.0.0.1:*');
    open.push(() => impostor.close());
    url = impostor.lastEndpoint ?? '';
    const fooled = reader('signal-bridge');
    const heads = failures(impostor);
    await until('three attempts', async () => {
      await impostor.send(['heartbeat', message('heartbeat', { n: 1 })]);
      return heads() >= 3;
    });
    expect(heard(fooled)).toBe(0);
  });

  test('is found again by a reader that met a server without keys on its port', async () => {
    await market.close();
    const without = await createPublisher({ service: 'market-data', host: '127.0.0.1', port: market.port });
    const own = createMetrics('signal-bridge', { runtime: false });
    const bus = createBus({ keys: keysOf(ours, 'signal-bridge'), metrics: own, logger: { warn } });
    const waiting = reader('signal-bridge', bus);
    await until('it to be turned away', async () => {
      await without.publish('heartbeat', { n: 1 });
      const { values } = (await own.registry.getSingleMetric('papergate_bus_turned_away_total')?.get()) ?? {};
      return (values?.[0]?.value ?? 0) > 0;
    });
    expect(heard(waiting)).toBe(0);
    await without.close();
    market = await createPublisher({
      service: 'market-data',
      host: '127.0.0.1',
      port: market.port,
      bus: busOf('market-data'),
    });
    open.push(() => market.close());
    await goesOn(waiting);
  });
});

const pairOf = ({ publicKey, secretKey }: BusKeys) => ({
  curvePublicKey: publicKey,
  curveSecretKey: secretKey.reveal(),
});

/** Counts handshakes that failed. */
function failures(socket: Socket): () => number {
  let failed = 0;
  observe(socket, ({ type }) => void (failed += type.startsWith('handshake:error') ? 1 : 0));
  return () => failed;
}

const message = (topic: string, data: unknown, changes: Record<string, unknown> = {}): string =>
  JSON.stringify({ src: 'market-data', epoch: 'e', seq: topic.length, ts: 1, data, ...changes });

describe('messages that an admitted publisher forges', () => {
  test('are refused, counted by what is wrong, and told once; the good ones arrive', async () => {
    const forger = new Publisher({
      curveServer: true,
      curveSecretKey: keysOf(ours, 'market-data').secretKey.reveal(),
      linger: 0,
    });
    await forger.bind('tcp://127.0.0.1:*');
    open.push(() => forger.close());
    url = forger.lastEndpoint ?? '';
    const own = createMetrics('signal-bridge', { runtime: false });
    const bus = createBus({ keys: keysOf(ours, 'signal-bridge'), metrics: own, logger: { warn } });
    const subscriber = reader('signal-bridge', bus, ['tick', 'signal', 'heartbeat']);
    const tick = { n: 1, s: 'AAPL', k: 't', t: 1, r: 1, p: 1 };
    const forged: [string, ...string[]][] = [
      ['tick'],
      ['tick', '{"src":'],
      ['tick', 'null'],
      ['tick', message('tick', [tick], { seq: '1' })],
      ['tick', message('tick', [tick], { ts: -1 })],
      ['tick', message('tick', [tick], { src: 'execution-engine' })],
      ['signal', message('signal', { id: 'a' })],
      ['tick', message('tick', { 0: tick })],
      ['tick', message('tick', [{ ...tick, p: 'NaN' }])],
      ['tick', message('tick', [{ ...tick, k: 'x' }])],
      ['heartbeat', message('heartbeat', { n: -1 })],
    ];
    await until('the good ones', async () => {
      await forger.send(['heartbeat', message('heartbeat', { n: 1 })]);
      return heard(subscriber) > 0;
    });
    for (const frames of forged) await forger.send(frames);
    await forger.send(['tick', message('tick', [tick])]);
    await until('the last one', () => subscriber.received.get('market-data/tick') === 1);
    const counted = await Promise.all(
      ['frames', 'json', 'envelope', 'source', 'data'].map((reason) => count('malformed', reason, own)),
    );
    expect(counted).toEqual([1, 1, 3, 2, 4]);
    expect(warn).toHaveBeenCalledTimes(5);
  });
});

describe('requests with keys', () => {
  test('are answered to who may ask, and to nobody else', async () => {
    const own = createMetrics('risk-manager', { runtime: false });
    const bus = createBus({ keys: keysOf(ours, 'risk-manager'), metrics: own, logger: { warn } });
    const asked: unknown[] = [];
    const responder = await createResponder({
      service: 'risk-manager',
      host: '127.0.0.1',
      port: 0,
      bus,
      handle: (body) => asked.push(body),
    });
    open.push(() => responder.close());
    const to = `tcp://127.0.0.1:${responder.port}`;
    const engine = createRequester({
      endpoint: { server: 'risk-manager', url: to },
      timeoutMs: 10_000,
      bus: busOf('execution-engine'),
    });
    open.push(() => engine.close());
    expect(await engine.request('one')).toBe(1);

    const bad = new Dealer({ linger: 0, ...strange(), curveServerKey: keysOf(ours, 'risk-manager').publicKey });
    bad.connect(to);
    open.push(() => bad.close());
    await bad.send(['id', '"forged"']);
    await until('the refusal', async () => (await count('refused', 'unknown_key', own)) > 0);
    expect(await engine.request('two')).toBe(2);
    expect(asked).toEqual(['one', 'two']);
  });

  test('that are no JSON are answered with an error, and counted', async () => {
    const own = createMetrics('risk-manager', { runtime: false });
    const bus = createBus({ keys: undefined, metrics: own, logger: { warn } });
    const responder = await createResponder({
      service: 'risk-manager',
      host: '127.0.0.1',
      port: 0,
      bus,
      handle: (body) => body,
    });
    open.push(() => responder.close());
    const asking = new Dealer({ linger: 0 });
    asking.connect(`tcp://127.0.0.1:${responder.port}`);
    open.push(() => asking.close());
    await asking.send(['only an id']);
    await asking.send(['id', '{"half']);
    const [, answer] = await asking.receive();
    expect(JSON.parse(String(answer))).toEqual({ error: 'a message of the bus was refused: json' });
    expect(await count('malformed', 'json', own)).toBe(1);
    expect(await count('malformed', 'frames', own)).toBe(1);
  });
});

test('two services with keys live in one process, and one that ends leaves the other as it is', async () => {
  const signals = await createPublisher({
    service: 'signal-bridge',
    host: '127.0.0.1',
    port: 0,
    bus: busOf('signal-bridge'),
  });
  const friend = reader('risk-manager');
  await goesOn(friend);
  await signals.close();
  await goesOn(friend);
  await goesOn(reader('orchestrator'));
});
