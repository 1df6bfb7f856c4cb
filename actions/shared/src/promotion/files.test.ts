import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { gateFiles, criticalIn, type GateFileOptions } from './files.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-files-'));
  mkdirSync(join(dir, 'bin'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** A program on the PATH. */
function program(name: string, script: string): void {
  writeFileSync(join(dir, 'bin', name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(dir, 'bin', name), 0o755);
}
const open = (more: Partial<GateFileOptions> = {}) =>
  gateFiles({
    checkout: dir,
    evidence: join(dir, 'evidence'),
    baseline: undefined,
    dependencyAudit: undefined,
    imageAudits: undefined,
    checkpoints: undefined,
    trustedRoot: undefined,
    onCall: [],
    env: { PATH: `${join(dir, 'bin')}${delimiter}${process.env['PATH']}` },
    gitHubToken: 'of-the-job',
    now: () => new Date(Date.UTC(2026, 5, 10)),
    ...more,
  });
const write = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};

describe('what a job lays before the gate', () => {
  test('npm is asked about the lock file where no audit is given', async () => {
    write('package-lock.json', '{}');
    program('npm', 'echo "{\\"asked\\": \\"$*\\"}"; exit 1');
    expect(await open().dependencyAudit()).toEqual({
      schema: 1,
      taken_at: '2026-06-10T00:00:00.000Z',
      lockfile_digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      report: { asked: 'audit --json --package-lock-only' },
    });
    program('npm', 'echo "npm error audit endpoint returned an error" >&2; exit 1');
    expect(await open().dependencyAudit()).toMatchObject({
      report: { message: 'npm error audit endpoint returned an error' },
    });
  });

  test('without a lock file there is nothing to audit', async () => {
    await expect(open().dependencyAudit()).rejects.toMatchObject({ code: 'GATE_FILE_UNREADABLE' });
  });

  test('gh is asked for the trusted root where none is given, with the token in its environment', async () => {
    program('gh', 'test "$*" = "attestation trusted-root" && echo "{\\"of\\": \\"$GH_TOKEN\\"}"');
    expect(await open().trustedRoot()).toBe('{"of": "of-the-job"}\n');
    program('gh', 'echo "no network" >&2; exit 1');
    await expect(open().trustedRoot()).rejects.toMatchObject({
      code: 'TRUSTED_ROOT_MISSING',
      message: expect.stringContaining('no network'),
    });
  });

  test('results of scanners are told from the audit of dependencies in the same folder', async () => {
    mkdirSync(join(dir, 'audits'));
    write('audits/a.sarif', '{"runs": []}');
    write('audits/dependencies.json', '{"lockfile_digest": "x"}');
    write('audits/read.txt', 'no');
    const files = open({ imageAudits: join(dir, 'audits') });
    expect([...(await files.imageAudits()).keys()]).toEqual(['a.sarif']);
    write('audits/b.json', '{');
    await expect(files.imageAudits()).rejects.toMatchObject({
      code: 'GATE_FILE_UNREADABLE',
      message: expect.stringContaining('b.json'),
    });
  });

  test('a list of checkpoints is what papergate prints, and nothing else', async () => {
    const checkpoints = write(
      'list.json',
      '{"checkpoints": [], "broken": [{"id": "x", "why": "y"}], "unfinished": []}',
    );
    expect(await open({ checkpoints }).checkpoints()).toEqual({ checkpoints: [], broken: ['x'] });
    write('list.json', '{"checkpoints": [{}], "broken": []}');
    await expect(open({ checkpoints }).checkpoints()).rejects.toMatchObject({ code: 'GATE_FILE_UNREADABLE' });
  });

  test('a tag leads to its commit, an unknown one to none, and a name is no option', async () => {
    const git = (...args: string[]): string =>
      execFileSync('git', ['-c', 'user.name=n', '-c', 'user.email=n@example.com', ...args], {
        cwd: dir,
        encoding: 'utf8',
      }).trim();
    git('init', '-q');
    git('commit', '-q', '--allow-empty', '-m', 'one');
    git('tag', '-a', 'v1.0.0', '-m', 'first');
    const files = open();
    expect(await files.commitOfTag('v1.0.0')).toBe(git('rev-parse', 'HEAD'));
    expect(await files.commitOfTag('v2.0.0')).toBeUndefined();
    expect(await files.commitOfTag('--all')).toBeUndefined();
  });

  test('the critical alerts of staging are read as they are written, in either way of YAML', () => {
    const real = readFileSync(
      join(import.meta.dirname, '..', '..', '..', '..', 'config', 'alerts.staging.yaml'),
      'utf8',
    );
    expect(criticalIn(real)).toEqual(expect.arrayContaining(['ServiceDown', 'BreakerHalted', 'DiskFull']));
    expect(criticalIn(real)).not.toContain('ServiceRestarting');
    const block =
      '  - alert: \'A\'\n    labels:\n      severity: "critical"\n  - alert: B\n    labels:\n      severity: warning\n';
    expect(criticalIn(block)).toEqual(['A']);
  });
});
