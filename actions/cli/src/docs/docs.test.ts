import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import type { CommandContext } from '../context.ts';
import { buildProgram } from '../program.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const git = (...args: string[]): string[] =>
  execFileSync('git', ['-C', ROOT, ...args], { encoding: 'utf8' })
    .split('\n')
    .filter(Boolean);

const documents = git('ls-files', '--cached', '--others', '--exclude-standard', '*.md').filter((file) =>
  existsSync(join(ROOT, file)),
);
const scripts = Object.keys(
  (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> }).scripts,
);
const commands = buildProgram({} as CommandContext, '0').commands.map((command) => command.name());
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** Folders that only come into being by a later part of the project may be named by the page that plans them. */
const TOP = ['.github', 'actions', 'services', 'loadtests', 'smoke', 'compose', 'config', 'docs'];

/** Actions of others, some of which belong to an owner of the name of one of our folders. */
const others = new Set(
  git('ls-files', '.github')
    .flatMap((file) => [...read(file).matchAll(/uses: ([\w-]+\/[\w-]+)@/g)])
    .map((match) => match[1] ?? ''),
);

function missing(file: string, patterns: RegExp[], exists: (found: string) => boolean): string[] {
  const text = read(file);
  const found = patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1] ?? ''));
  return [...new Set(found)].filter((name) => !exists(name));
}

describe.each(documents)('%s', (file) => {
  test('names only scripts that exist', () => {
    expect(missing(file, [/npm run ([a-z][a-z:-]*)/g], (name) => scripts.includes(name))).toEqual([]);
  });

  test('names only commands that exist', () => {
    expect(
      missing(file, [/npx papergate ([a-z][a-z-]*)/g, /`papergate ([a-z][a-z-]*)/g], (name) => commands.includes(name)),
    ).toEqual([]);
  });

  test('links only to what exists', () => {
    const here = dirname(join(ROOT, file));
    expect(missing(file, [/\]\((?!https?:|mailto:|#)([^)#\s]+)/g], (link) => existsSync(join(here, link)))).toEqual([]);
  });

  test('names only files and folders that exist', () => {
    const known = (path: string): boolean =>
      others.has(path) || existsSync(join(ROOT, path)) || existsSync(join(dirname(join(ROOT, file)), path));
    const paths = missing(
      file,
      [/`((?:\.github|actions|services|loadtests|smoke|compose|config|docs)\/[A-Za-z0-9_./-]+)`/g],
      known,
    );
    expect(paths.filter((path) => TOP.includes(path.split('/')[0] ?? ''))).toEqual([]);
  });
});

test('the errors that operations.md explains are errors that there are', () => {
  const named = [...read('docs/operations.md').matchAll(/^\| `([A-Z][A-Z_]+)`/gm)].map((match) => match[1] ?? '');
  expect(named.length).toBeGreaterThan(5);
  const thrown = (code: string): boolean =>
    git('grep', '-l', `'${code}'`, '--', '*.ts', '*.mjs', ':!*.test.*').length > 0;
  const known = named.filter((code) => {
    try {
      return thrown(code);
    } catch {
      return false; // git grep ends with 1 where it finds nothing
    }
  });
  expect(known).toEqual(named);
});

test('there are documents, scripts and commands to check', () => {
  expect(documents).toContain('README.md');
  expect(scripts).toContain('start');
  expect(commands).toContain('ship');
});
