import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startGitHubFake, type FakeRepository, type GitHubFake } from '@papergate/delivery/github-fake';
import { commandBlocks } from '../docs/blocks.ts';
import { SECRETS, VARIABLES } from './names.ts';
import { readNeeds } from './needs.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'docs/setup.md'), 'utf8');
const NAME = 'acme/trading';

/** In place of GitHub's own command: notes what it was asked for, and how long what it was given is. */
const GH = `#!/bin/bash
IFS= read -r value || true
for ((i = 1; i <= $#; i++)); do if [ "\${!i}" = --body ]; then j=$((i + 1)); value=\${!j}; fi; done
echo "$* | \${#value}" >>"$GH_LOG"
`;
const NPX = `#!/bin/bash
shift
exec "${process.execPath}" "${join(ROOT, 'actions/cli/src/main.ts')}" "$@"
`;

let folder = '';
let fake: GitHubFake;
let repository: FakeRepository;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'papergate-setup-'));
  mkdirSync(join(folder, 'bin'));
  for (const [name, text] of [
    ['gh', GH],
    ['npx', NPX],
  ] as const) {
    writeFileSync(join(folder, 'bin', name), text);
    chmodSync(join(folder, 'bin', name), 0o755);
  }
  for (const name of ['staging', 'production'])
    writeFileSync(join(folder, `known-hosts-${name}`), `${name} ssh-ed25519 A\n`);
  fake = await startGitHubFake({
    state: {
      users: { dan: { id: 41 } },
      teams: { 'acme/traders': { id: 42, members: [] } },
      repositories: { [NAME]: {} },
    },
  });
  repository = fake.state.repositories[NAME] as FakeRepository;
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await fake.close();
});

const log = (): string[] => {
  try {
    return readFileSync(join(folder, 'gh.log'), 'utf8').trim().split('\n');
  } catch {
    return [];
  }
};

function bash(lines: readonly string[]): Promise<{ code: number; out: string }> {
  const env = {
    PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
    HOME: folder,
    PAPERGATE_HOME: join(folder, 'home'),
    GH_LOG: join(folder, 'gh.log'),
    GITHUB_API_URL: fake.url,
    GITHUB_TOKEN: 't',
    GITHUB_REPOSITORY: NAME,
  };
  return new Promise((resolve) => {
    const child = execFile(
      'bash',
      ['-euo', 'pipefail', '-c', lines.join('\n')],
      { cwd: folder, env },
      (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, out: stdout + stderr }),
    );
    // What a person types where a secret is asked for.
    child.stdin?.end('typed-in\n'.repeat(99));
  });
}

/** What the notes of `gh` have done to the repository. */
function take(notes: readonly string[]): void {
  for (const note of notes) {
    const [, kind, name = '', environment] = /^(secret|variable) set (\w+)(?: --env ([\w-]+))?/.exec(note) ?? [];
    if (kind === 'variable') repository.variables[name] = 'set';
    else if (environment === undefined) repository.secrets.push(name);
    else repository.environments[environment]?.secrets.push(name);
  }
}

test('every command of setup.md works, and after them nothing is missing', async () => {
  const blocks = commandBlocks(PAGE);
  expect(blocks.length).toBeGreaterThanOrEqual(5);
  const [check] = blocks.slice(-1);
  expect((await bash(check?.lines ?? [])).code).toBe(1);
  for (const { heading, lines } of blocks.slice(0, -1)) {
    const { code, out } = await bash(lines);
    expect([heading, code, code === 0 ? '' : out]).toEqual([heading, 0, '']);
  }
  const notes = log();
  // A key or password that was empty would be set and would open nothing.
  expect(notes.filter((note) => note.endsWith('| 0'))).toEqual([]);
  expect(readdirSync(folder).filter((name) => name.endsWith('-key'))).toEqual([]);
  take(notes);

  const after = await bash(check?.lines ?? []);
  expect([after.code, after.out]).toEqual([0, expect.stringContaining('nothing is missing')]);
}, 120_000);

test('the page lists the secrets and variables that the workflows read, and no others', () => {
  const listed = [...PAGE.matchAll(/^\| `([A-Z][A-Z0-9_]+)` /gm)].map(([, name = '']) => name);
  const { secrets, variables } = readNeeds(ROOT, ['staging', 'production']);
  const read = new Set([...[...secrets.values()].flatMap((names) => [...names]), ...variables]);
  expect(new Set(listed)).toEqual(read);
  expect(new Set([...Object.keys(SECRETS), ...Object.keys(VARIABLES)])).toEqual(read);
});
