// Loaded before a program (`node --import file:///…/redirect.mjs?port=N&host=H`): what it connects to under alpaca.markets
// is the stand-in there, by default on loopback. Only where the packets go is changed; the name stays, in the handshake and
// for the certificate's check.
import net from 'node:net';

const { searchParams } = new URL(import.meta.url);
const port = Number(searchParams.get('port'));
const address = searchParams.get('host') ?? '127.0.0.1';
if (!Number.isInteger(port) || port < 1) throw new Error('redirect.mjs needs ?port=N, the port of the stand-in');

const isAlpaca = (host) => typeof host === 'string' && /(?:^|\.)alpaca\.markets$/i.test(host);
const moved = (options) => (isAlpaca(options.host) ? { ...options, host: address, port } : options);

const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function connectElsewhere(...args) {
  const [first, second, ...rest] = args;
  // Node hands itself an array that it has marked; the mark would be lost in a copy.
  if (Array.isArray(first)) first[0] = moved(first[0]);
  else if (typeof first === 'object' && first !== null) return connect.call(this, moved(first), second, ...rest);
  else if (isAlpaca(second)) return connect.call(this, port, address, ...rest);
  return connect.apply(this, args);
};
