import {
  base64,
  each,
  file,
  gzipped,
  hex,
  hex4,
  key,
  LIVE,
  LIVE_26,
  PAPER,
  SECRET,
  staging,
  system,
  withFile,
  type PolicyCase,
} from './fixtures.ts';

const holds = (title: string, path: string, content: string): PolicyCase => ({
  title: `a live key in ${title}`,
  input: withFile(path, content),
  expected: ['smuggled-file'],
});
const names = (path: string, content: string): PolicyCase => ({
  title: `a variable ALPACA_LIVE_… named in ${path} as ${JSON.stringify(content)}`,
  input: withFile(path, content),
  expected: ['foreign-name-in-file'],
});
const fine = (title: string, path: string, content: string): PolicyCase => ({
  title,
  input: withFile(path, content),
  expected: 'pass',
});

export const FILE_CASES: readonly PolicyCase[] = [
  holds('.env', '.env', `A=1\nKEY=${LIVE}\n`),
  holds('an exported variable', '.envrc', `export KEY='${LIVE}'`),
  holds('a compose file', 'compose/compose.yaml', `services:\n  engine:\n    environment:\n      KEY: ${LIVE}\n`),
  holds('a compose file’s list', 'compose.yml', `    environment:\n      - KEY=${LIVE_26}\n`),
  holds('a Kubernetes secret', 'k8s/secret.yaml', `apiVersion: v1\nkind: Secret\ndata:\n  key: ${base64(LIVE)}\n`),
  holds(
    'a Kubernetes secret, folded',
    'k8s/secret.yaml',
    `data:\n  key: >-\n    ${base64(LIVE).slice(0, 10)}\n    ${base64(LIVE).slice(10)}\n`,
  ),
  holds('a workflow', '.github/workflows/ci.yml', `env:\n  KEY: "${LIVE}"\n`),
  holds('a manifest', 'manifest.json', JSON.stringify({ services: [{ env: { KEY: LIVE } }] }, null, 2)),
  holds('JSON, escaped', 'config/a.json', `{"k":"${each(LIVE, (code) => `\\u${hex4(code)}`)}"}`),
  holds('TOML', 'config/a.toml', `[a]\nkey = '''\n${LIVE}'''\n`),
  holds('a folded YAML text', 'a.yaml', `key: >\n  ${LIVE.slice(0, 8)}\n  ${LIVE.slice(8)}\n`),
  holds('a comment', 'a.yaml', `# ${LIVE}\n`),
  holds('a source file, in two pieces', 'src/a.ts', `const k = '${LIVE.slice(0, 2)}' +\n  '${LIVE.slice(2)}';\n`),
  holds('a shell script', 'run.sh', `curl -H "APCA-API-KEY-ID: ${LIVE}" x\n`),
  holds('a Dockerfile', 'Dockerfile', `ENV KEY=${LIVE}\n`),
  holds('systemd', 'a.service', `Environment=KEY=${LIVE}\n`),
  holds('an INI file', '.aws/credentials', `[x]\nid = ${LIVE}\n`),
  holds('an HTML page', 'a.html', `<meta content="${each(LIVE, (code) => `&#${code};`)}">`),
  holds('a lock file', 'package-lock.json', `{"integrity":"sha512-${base64(`x:${LIVE}:y`)}"}`),
  holds('the last line of a long file', 'a.csv', `${'2013-10-07,100,200\n'.repeat(20_000)}${LIVE}`),
  holds('a file with Windows line ends', 'a.ini', `[a]\r\nkey=${LIVE}\r\n`),
  holds('a compressed value', 'a.json', `{"blob":"${gzipped(`key=${LIVE}`)}"}`),
  holds('hexadecimal', 'a.txt', hex(`${LIVE}:${SECRET}`)),
  holds('the path of a file', `keys/${LIVE}.json`, '{}'),
  holds('a file that another variable names', '/run/secrets/other', LIVE),
  {
    title: 'a live key in the system configuration',
    input: staging({}, { system: system({}, { exchange: { ...system().exchange, replay_paths: [`/data/${LIVE}`] } }) }),
    expected: ['smuggled-config'],
  },
  {
    title: 'a live key in base64 in the system configuration',
    input: staging({}, { system: system({}, { exchange: { ...system().exchange, replay_paths: [base64(LIVE)] } }) }),
    expected: ['smuggled-config'],
  },
  {
    title: 'a live key as a name in the system configuration',
    input: staging({}, { system: Object.assign(system(), { [LIVE]: 'x' }) }),
    expected: ['smuggled-config'],
  },

  names('.env.staging', 'ALPACA_LIVE_API_KEY='),
  names('.env', 'export ALPACA_LIVE_API_SECRET=x'),
  names('compose/compose.yaml', '      - ALPACA_LIVE_API_KEY'),
  names('compose/compose.yaml', '      ALPACA_LIVE_API_KEY: ${ALPACA_LIVE_API_KEY}'),
  names('.github/workflows/deploy-staging.yml', '  key: ${{ secrets.ALPACA_LIVE_API_KEY }}'),
  names('k8s/deployment.yaml', '- name: alpaca_live_key'),
  names('config/a.json', '{"ALPACA_LIVE_KEY": null}'),
  fine(
    'production’s own workflow names it',
    '.github/workflows/deploy-production.yml',
    'key: ${{ secrets.ALPACA_LIVE_API_KEY }}',
  ),
  fine('a comment names it', 'compose.yaml', '# ALPACA_LIVE_API_KEY must not exist\n'),
  fine('documentation names it', 'README.md', 'never set ALPACA_LIVE_API_KEY\n'),
  fine('source names it', 'src/a.ts', 'if (env.ALPACA_LIVE_API_KEY) refuse();\n'),
  fine('a paper key in .env', '.env', `ALPACA_API_KEY=${PAPER}\nALPACA_SECRET_KEY=${SECRET}\n`),

  {
    title: 'a file that is too large to be searched',
    input: staging({}, { files: [{ path: 'a.json', content: '', problem: 'larger than 4194304 bytes' }] }),
    expected: ['scan-incomplete'],
  },
  {
    title: 'a file that is wrapped deeper than anybody unwraps',
    input: withFile(
      'a.txt',
      Array.from({ length: 9 }).reduce<string>((text) => base64(text), key('PK', 4)),
    ),
    expected: ['scan-incomplete'],
  },
  { title: 'no files', input: staging({}, { files: [] }), expected: 'pass' },
  { title: 'an empty file', input: staging({}, { files: [file('a.json', '')] }), expected: 'pass' },
];
