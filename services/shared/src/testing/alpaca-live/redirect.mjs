// Loaded before a program (`node --import file:///…/redirect.mjs?port=N`): what it connects to under alpaca.markets is on
// this machine. Only where the packets go is changed; the name stays, in the handshake and for the certificate's check.
import net from 'node:net';

const port = Number(new URL(import.meta.url).searchParams.get('port'));
if (!Number.isInteger(port) || port < 1) throw new Error('redirect.mjs needs ?port=N, the port of the stand-in');

const isAlpaca = (host) => typeof host === 'string' && /(?:^|\.)alpaca\.markets$/i.test(host);
const moved = (options) => (isAlpaca(options.host) ? { ...options, host: '127.0.0.1', port } : options);

const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function connectElsewhere(...args) {
  const [first, second, ...rest] = args;
  // Node hands itself an array that it has marked; the mark would be lost in a copy.
  if (Array.isArray(first)) first[0] = moved(first[0]);
  else if (typeof first === 'object' && first !== null) return connect.call(this, moved(first), second, ...rest);
  else if (isAlpaca(second)) return connect.call(this, port, '127.0.0.1', ...rest);
  return connect.apply(this, args);
};
