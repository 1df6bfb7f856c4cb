import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SERVICE_NAMES, type ServiceName } from '@papergate/config';
import { entryOf } from '../release/describe.ts';

const CONFIG = fileURLToPath(new URL('../../../../config', import.meta.url));

/** A small bundle in a git checkout of its own: the real configuration, and services of a few lines each. */
export interface TestRepository {
  dir: string;
  write(path: string, text: string): void;
  /** Commits everything and gives the commit. */
  commit(message?: string): string;
  git(...args: string[]): string;
  remove(): void;
}

export type Fault = 'never-ready' | 'crash' | 'slow' | 'syntax';

export function makeTestRepository(faults: Partial<Record<ServiceName, Fault>> = {}): TestRepository {
  const dir = mkdtempSync(join(tmpdir(), 'papergate-repository-'));
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', dir, '-c', 'user.name=Test', '-c', 'user.email=test@localhost', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  const repository: TestRepository = {
    dir,
    git,
    write: (path, text) => {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), text);
    },
    commit: (message = 'a change') => {
      git('add', '-A');
      git('commit', '-q', '--allow-empty', '-m', message);
      return git('rev-parse', 'HEAD');
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
  git('init', '-q');
  repository.write('.gitignore', 'node_modules/\n');
  repository.write('package.json', '{"name":"bundle","type":"module"}');
  repository.write('package-lock.json', '{"lockfileVersion":3,"packages":{"":{"name":"bundle"}}}');
  repository.write('node_modules/.package-lock.json', '{"packages":{}}');
  mkdirSync(join(dir, 'config'));
  for (const name of readdirSync(CONFIG).filter((file) =>
    /^(system|risk_limits)\..*(json|toml)$|^risk_limits\.toml$/.test(file),
  )) {
    copyFileSync(join(CONFIG, name), join(dir, 'config', name));
  }
  repository.write('services/shared/src/migrate.ts', MIGRATE);
  repository.write('services/shared/migrations/0001_first.sql', 'SELECT 1');
  for (const name of SERVICE_NAMES) repository.write(entryOf(name), serviceSource(name, faults[name]));
  repository.commit('the first commit');
  return repository;
}

const MIGRATE = `
  if (!process.env.DATABASE_URL) process.exit(2);
  console.log(JSON.stringify({ applied: 1 }));
`;

// It reads its port as the real ones do, and answers the account of Alpaca's where it is the exchange.
function serviceSource(name: ServiceName, fault: Fault | undefined): string {
  return `
    import { readFileSync } from 'node:fs';
    import { createServer } from 'node:http';
    ${fault === 'syntax' ? 'const broken: number = ;' : ''}
    const env: Record<string, string | undefined> = process.env;
    const system = JSON.parse(readFileSync(env.CONFIG_DIR + '/system.' + env.ENVIRONMENT + '.json', 'utf8'));
    if (${fault === 'crash'}) {
      console.error('${name} cannot go on');
      process.exit(1);
    }
    const server = createServer((req, res) => {
      res.setHeader('content-type', 'application/json');
      if (req.url === '/v2/account') {
        const known = req.headers['apca-api-key-id'] === env.ALPACA_API_KEY;
        res.statusCode = known ? 200 : 401;
        res.end(JSON.stringify({ account_number: 'PA123' }));
      } else if (req.url === '/health/ready') {
        res.statusCode = ${fault === 'never-ready'} ? 503 : 200;
        res.end(JSON.stringify({ ready: ${fault !== 'never-ready'}, checks: { it: { ok: false, detail: 'waits' } } }));
      } else if (req.url === '/crash') {
        process.exit(1);
      } else {
        res.end(JSON.stringify({ release: env.RELEASE_SHA }));
      }
    });
    setTimeout(() => server.listen(system.services['${name}'].http_port, '127.0.0.1'), ${fault === 'slow' ? 1500 : 0});
    const stop = () => process.exit(0);
    process.once('SIGTERM', stop);
    process.stdin.once('end', stop).resume();
  `;
}
