import { base64, cut, development, key, makeText, staging, system, withFile, type PolicyCase } from './fixtures.ts';

const value = (title: string, text: string): PolicyCase => ({
  title,
  input: staging({ SOME_SETTING: text }),
  expected: 'pass',
});
const content = (title: string, path: string, text: string): PolicyCase => ({
  title,
  input: withFile(path, text),
  expected: 'pass',
});
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const ANY = `${UPPER}${UPPER.toLowerCase()}0123456789+/`;

/** What looks a little like a key and must not be taken for one. */
export const INNOCENT_CASES: readonly PolicyCase[] = [
  { title: 'a whole staging', input: staging({}, { system: system() }), expected: 'pass' },
  { title: 'a whole development', input: development(), expected: 'pass' },
  value('words that begin with AK', 'AKAMAI AKAMAITECHNOLOGIES AKKA AK'),
  value('an upper-case name of 20 letters with underscores', 'CK_ORDERS_QUANTITY_X'),
  value('a name in capitals that begins with AK', 'AK_SERVICE_CONNECTION_TIMEOUT_SECONDS'),
  value('a placeholder of a live key', `AK${'X'.repeat(18)}`),
  value('the example key of AWS’s documentation', ['AKIA', 'IOSFODNN7', 'EXAMPLE'].join('')),
  value('a placeholder in base64', base64(`AK${'0'.repeat(18)}`)),
  content('an example file', '.env.example', `ALPACA_API_KEY=PK${'X'.repeat(18)}\n# never AK${'X'.repeat(24)}\n`),
  value('the prefix alone', 'AK…'),
  value('the prefix in documentation', 'live keys start with AK and paper keys with PK'),
  value('19 characters', key('AK', 21, 17)),
  value('21 characters', key('AK', 22, 19)),
  value('25 characters', key('AK', 23, 23)),
  value('a key’s shape inside a longer word', `X${key('AK', 24)}`),
  value('a key’s shape with more behind it', `${key('AK', 25)}abc`),
  value('a commit', '9fceb02d0ae598e95dc970b74767f19372d61af8'),
  value('a UUID in capitals', 'C56A4180-65AA-42EC-A945-5FD21DEC0538'),
  value('an image digest', `ghcr.io/a/b@sha256:${'0a1b2c3d'.repeat(8)}`),
  value('a word of 20 small letters that begins with ak', 'akademikerinnenberufe'.slice(0, 20)),
  value('a ULID', '01ARZ3NDEKTSV4RRFFQ69G5FAV'),
  value('another ULID with AK in it', '01AKZ3NDEKTSV4RRFFQ69G5FAV'),
  value('an id of xid’s make', 'ck8t5l2s7d6g3h1j9k0q'),
  value('an id of cuid’s make', 'ckopqwooh000001la8mbi2im9'),
  value('a paper key elsewhere', key('PK', 26)),
  value('symbols that add up to 20 letters', 'AKAM AAPL MSFT NVDA AMZN'),
  value('symbols as JSON', '["AKAM","AAPL","MSFT","NVDA","AMZN"]'),
  value('a search path', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin'),
  value('colours of ls', 'rs=0:di=01;34:ln=01;36:mh=00:pi=40;33:so=01;35'),
  value('a hundred blanks', ' '.repeat(100)),
  value('a random password', makeText(31, 48, ANY)),
  value('a database address', 'postgres://papergate:s3cr3t-p%40ss@127.0.0.1:5433/papergate'),
  value('a Windows path', 'C:\\Users\\nobody\\AppData\\x41'),
  value('a printf format', '%02d:%02d %s %5.2f%%'),
  value('a regular expression', '^(?:AK|CK)[A-Z0-9]{18}$'),
  value('a shell prompt', '\\[\\e[32m\\]\\u@\\h\\[\\e[0m\\]:\\w$ '),
  value('a token of GitHub’s make', `ghs${makeText(32, 36, `${UPPER}0123456789`)}`),
  value('dates and numbers', '2026 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21'),
  value('an empty text', ''),
  content(
    'a lock file with a thousand integrities',
    'package-lock.json',
    Array.from({ length: 1000 }, (_, i) => `"integrity": "sha512-${makeText(i + 5000, 86, ANY)}=="`).join(',\n'),
  ),
  content('an image in base64', 'a.css', `url(data:image/png;base64,${makeText(33, 20_000, ANY)})`),
  content('an image in base64 on many lines', 'a.pem', cut(makeText(34, 20_000, ANY), 64, '\n')),
  content('base32 of some length', 'a.txt', makeText(35, 4000, `${UPPER}234567`)),
  content('SQL in capitals', 'a.sql', 'ALTER TABLE ORDERS ADD CONSTRAINT CK_ORDERS_SIDE CHECK (SIDE IN (0, 1));\n'),
  content(
    'base64 of a text in capitals',
    'a.yaml',
    `motd: ${base64('PACK MY BOX WITH FIVE DOZEN LIQUOR JUGS AND A KAYAK')}`,
  ),
  content(
    'a Markdown table of rules',
    'README.md',
    '| `key-live` | Outside production the key is no live key (`AK…`). |\n',
  ),
];
