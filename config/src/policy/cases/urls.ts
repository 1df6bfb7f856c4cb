import { development, LIVE, staging, system, type PolicyCase } from './fixtures.ts';

const urlIs = (url: string | undefined) => staging({ ALPACA_BASE_URL: url });
const table = (rule: string, urls: readonly string[]): PolicyCase[] =>
  urls.map((url) => ({ title: `the address ${JSON.stringify(url)}`, input: urlIs(url), expected: [rule] }));
const local = (url: string, expected: PolicyCase['expected']): PolicyCase => ({
  title: `the address ${url} in development`,
  input: development({ ALPACA_BASE_URL: url }),
  expected,
});
const inSystem = (
  title: string,
  configured: ReturnType<typeof system>,
  expected: PolicyCase['expected'],
): PolicyCase => ({
  title,
  input: staging({}, { system: configured }),
  expected,
});

export const URL_CASES: readonly PolicyCase[] = [
  { title: 'the paper address', input: urlIs('https://paper-api.alpaca.markets'), expected: 'pass' },
  { title: 'the paper address with a slash', input: urlIs('https://paper-api.alpaca.markets/'), expected: 'pass' },
  { title: 'the paper address in capitals', input: urlIs('HTTPS://PAPER-API.ALPACA.MARKETS'), expected: 'pass' },
  {
    title: 'the paper address with its own port',
    input: urlIs('https://paper-api.alpaca.markets:443'),
    expected: 'pass',
  },
  {
    title: 'the address from the system configuration only',
    input: staging({ ALPACA_BASE_URL: undefined }, { system: system() }),
    expected: 'pass',
  },

  { title: 'no address at all', input: urlIs(undefined), expected: ['base-url-missing'] },
  { title: 'an empty address', input: urlIs(''), expected: ['base-url-missing'] },
  { title: 'an address of blanks', input: urlIs('  '), expected: ['base-url-missing'] },

  ...table('base-url-host', [
    'https://api.alpaca.markets',
    'https://broker-api.alpaca.markets',
    'https://data.alpaca.markets',
    'https://alpaca.markets',
    'https://paper-api.alpaca.markets.evil.com',
    'https://paper-api.alpaca.markets.',
    'https://evil-paper-api.alpaca.markets',
    'https://x.paper-api.alpaca.markets',
    'https://paper-api-alpaca.markets',
    'https://paper-api.alpaca.market',
    'https://paper-api.alpaca.markets.co',
    'https://paper-api.aIpaca.markets',
    'https://paperapi.alpaca.markets',
    'https://paper_api.alpaca.markets',
    'https://xn--paper-api-alpaca-markets-1234.com',
    'https://127.0.0.1',
    'http://127.0.0.1:5600',
    'http://localhost:5600',
    'https://[::1]:5600',
    'https://10.0.0.1',
    'https://93.184.216.34',
    'http://paper-exchange:5600',
    'http://api.alpaca.markets',
  ]),
  ...table('base-url-scheme', [
    'http://paper-api.alpaca.markets',
    'wss://paper-api.alpaca.markets',
    'ftp://paper-api.alpaca.markets',
  ]),
  ...table('base-url-port', [
    'https://paper-api.alpaca.markets:80',
    'https://paper-api.alpaca.markets:8443',
    'https://paper-api.alpaca.markets:0',
    'https://paper-api.alpaca.markets:0443',
  ]),
  ...table('base-url-user-info', [
    'https://user@paper-api.alpaca.markets',
    'https://user:password@paper-api.alpaca.markets',
    'https://paper-api.alpaca.markets@evil.com',
    'https://paper-api.alpaca.markets:443@evil.com',
    'https://@paper-api.alpaca.markets',
  ]),
  ...table('base-url-path', [
    'https://paper-api.alpaca.markets/v2',
    'https://paper-api.alpaca.markets//',
    'https://paper-api.alpaca.markets/../',
    'https://paper-api.alpaca.markets?x=1',
    'https://paper-api.alpaca.markets#fragment',
    'https://paper-api.alpaca.markets/@evil.com',
    'https://paper-api.alpaca.markets/%2e%2e',
  ]),
  ...table('base-url-disguised', [
    'paper-api.alpaca.markets',
    '//paper-api.alpaca.markets',
    'https:paper-api.alpaca.markets',
    'https:/paper-api.alpaca.markets',
    'https:///paper-api.alpaca.markets',
    'https:\\\\paper-api.alpaca.markets',
    'https://evil.com\\@paper-api.alpaca.markets',
    'https://paper-api.alpaca.markets\\.evil.com',
    ' https://paper-api.alpaca.markets',
    'https://paper-api.alpaca.markets ',
    'https://paper-api.alpaca.markets\n',
    'https://paper-api.\talpaca.markets',
    'https://paper-api.alp\u0430ca.markets',
    'https://paper-api.alpaca\u3002markets',
    'https://paper\u2010api.alpaca.markets',
    'https://p\u200baper-api.alpaca.markets',
    'https://%70aper-api.alpaca.markets',
    'https://paper-api.alpaca.markets:',
    'https://paper-api.alpaca.markets:443:443',
    'https://paper-api.alpaca.markets:99999',
    'https://0x7f.1',
    'https://2130706433',
    'https://127.1',
    'https://[::ffff:127.0.0.1]',
    'javascript:alert(1)',
    'not an address',
  ]),
  {
    title: 'a live key as user of the address',
    input: urlIs(`https://${LIVE}@paper-api.alpaca.markets`),
    expected: ['base-url-user-info', 'smuggled-variable'],
  },

  local('http://127.0.0.1:5600', 'pass'),
  local('https://127.0.0.1:5600', 'pass'),
  local('http://localhost:5600/', 'pass'),
  local('http://[::1]:5600', 'pass'),
  local('http://127.8.9.10', 'pass'),
  local('https://paper-api.alpaca.markets', 'pass'),
  local('http://paper-api.alpaca.markets', ['base-url-scheme']),
  local('https://api.alpaca.markets', ['base-url-host']),
  local('ws://127.0.0.1:5600', ['base-url-scheme']),
  local('http://127.0.0.1:5600/v2', ['base-url-path']),
  local('http://user@127.0.0.1:5600', ['base-url-user-info']),
  local('http://0.0.0.0:5600', ['base-url-host']),
  local('http://192.168.1.5:5600', ['base-url-host']),
  local('http://localhost.evil.com:5600', ['base-url-host']),
  local('http://127.0.0.1.evil.com:5600', ['base-url-host']),
  local('http://2130706433:5600', ['base-url-disguised']),
  local('http://127.1:5600', ['base-url-disguised']),
  local('http://0177.0.0.1:5600', ['base-url-disguised']),
  local('http://[::ffff:7f00:1]:5600', ['base-url-host']),
  local('http://[0:0:0:0:0:0:0:1]:5600', ['base-url-disguised']),

  inSystem('a whole system configuration of staging', system(), 'pass'),
  inSystem('the live address in the system configuration', system({ base_url: 'https://api.alpaca.markets' }), [
    'base-url-host',
  ]),
  inSystem('the live trading stream', system({ trading_stream_url: 'wss://api.alpaca.markets/stream' }), [
    'trading-stream-url',
  ]),
  inSystem('a trading stream without TLS', system({ trading_stream_url: 'ws://paper-api.alpaca.markets/stream' }), [
    'trading-stream-url',
  ]),
  inSystem(
    'a trading stream of another host',
    system({ trading_stream_url: 'wss://paper-api.alpaca.markets.evil.com/stream' }),
    ['trading-stream-url'],
  ),
  inSystem(
    'a trading stream with another path',
    system({ trading_stream_url: 'wss://paper-api.alpaca.markets/stream2' }),
    ['trading-stream-url'],
  ),
  inSystem(
    'a trading stream with a user',
    system({ trading_stream_url: 'wss://u:p@paper-api.alpaca.markets/stream' }),
    ['trading-stream-url'],
  ),
  inSystem('a trading stream on loopback in staging', system({ trading_stream_url: 'ws://127.0.0.1:5600/stream' }), [
    'trading-stream-url',
  ]),
  inSystem('a data stream of the other feed', system({ data_stream_url: 'wss://stream.data.alpaca.markets/v2/sip' }), [
    'data-stream-url',
  ]),
  inSystem(
    'a data stream of the feed that is configured',
    system({ data_stream_url: 'wss://stream.data.alpaca.markets/v2/sip', feed: 'sip' }),
    'pass',
  ),
  inSystem(
    'a data stream of another host',
    system({ data_stream_url: 'wss://stream.data.alpaca.markets.evil.com/v2/iex' }),
    ['data-stream-url'],
  ),
  inSystem('a data stream without TLS', system({ data_stream_url: 'ws://stream.data.alpaca.markets/v2/iex' }), [
    'data-stream-url',
  ]),
  inSystem('a data stream with a query', system({ data_stream_url: 'wss://stream.data.alpaca.markets/v2/iex?x=1' }), [
    'data-stream-url',
  ]),
  {
    title: 'streams of the simulator in development',
    input: development(
      {},
      {
        system: system(
          {
            base_url: 'http://127.0.0.1:5600',
            trading_stream_url: 'ws://127.0.0.1:5600/stream',
            data_stream_url: 'ws://127.0.0.1:5600/v2/iex',
          },
          { environment: 'development' },
        ),
      },
    ),
    expected: 'pass',
  },
  ...[
    'http://127.0.0.1:5600',
    'http://localhost:5600',
    'http://paper-exchange:5600',
    'http://10.1.2.3:5600',
    'http://exchange.staging.svc:5600',
  ].map((url) => inSystem(`dry-run orders at ${url}`, system({}, { dry_run_broker_url: url }), 'pass')),
  ...[
    'http://api.alpaca.markets',
    'https://api.alpaca.markets',
    'http://paper-api.alpaca.markets',
    'http://93.184.216.34:5600',
    'http://172.32.0.1',
    'http://user@127.0.0.1:5600',
    'http://127.0.0.1:5600/v2',
    'http://exchange.example.com',
  ].map((url) => inSystem(`dry-run orders at ${url}`, system({}, { dry_run_broker_url: url }), ['dry-run-broker-url'])),
];
