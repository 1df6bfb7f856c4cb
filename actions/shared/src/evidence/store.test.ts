import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sealManifest, type Manifest } from '../release/manifest.ts';
import { EvidenceStore } from './store.ts';
import type { StageResult } from './index.ts';

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const manifestOf = (digit: string): Manifest =>
  sealManifest({
    commit: digit.repeat(40),
    services: {},
    config_digest: digest(digit),
    lockfile_digest: digest(digit),
    schema_version: 'none',
  });
const manifest = manifestOf('a');
const RESULT: StageResult = { status: 'passed', checks: [{ name: 'it works', status: 'passed' }] };
const TIMES = { startedAt: new Date('2026-01-02T03:04:05Z'), finishedAt: new Date('2026-01-02T03:04:06Z') };

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-evidence-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const thrown = (code: string) => expect.objectContaining({ code, exitCode: 2 });

describe('the evidence of a manifest', () => {
  test('lies below the home under the manifest’s digest, bound to it, and is read back from there', () => {
    const store = EvidenceStore.open(manifest, { home: { dir } });
    expect(store.dir).toBe(join(dir, 'evidence', manifest.digest.slice(7, 19)));
    store.write('smoke', RESULT, TIMES);
    store.write('build', RESULT, TIMES);
    const read = EvidenceStore.read(store.dir);
    expect(read.manifest).toEqual(manifest);
    expect(read.all().map(({ stage }) => stage)).toEqual(['build', 'smoke']);
    expect(read.all()[0]).toMatchObject({
      manifest_digest: manifest.digest,
      commit: manifest.commit,
      started_at: '2026-01-02T03:04:05.000Z',
    });
  });

  test('has a digest that changes with what was proven, and not with reports beside it', () => {
    const store = EvidenceStore.open(manifest, { dir });
    const empty = store.digest();
    store.write('smoke', RESULT, TIMES);
    const one = store.digest();
    expect(one).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(one).not.toBe(empty);
    writeFileSync(join(dir, 'report.html'), 'words');
    expect(store.digest()).toBe(one);
    store.write('smoke', { ...RESULT, status: 'failed' }, TIMES);
    expect(store.digest()).not.toBe(one);
  });

  test('of another manifest is refused, whether the folder or one file of it is', () => {
    EvidenceStore.open(manifest, { dir });
    expect(() => EvidenceStore.open(manifestOf('b'), { dir })).toThrow(thrown('EVIDENCE_FOREIGN'));
    const other = EvidenceStore.open(manifestOf('b'), { home: { dir } });
    other.write('smoke', RESULT, TIMES);
    const store = EvidenceStore.read(dir);
    writeFileSync(store.pathOf('smoke'), readFileSync(other.pathOf('smoke')));
    expect(() => store.all()).toThrow(thrown('EVIDENCE_FOREIGN'));
  });

  test.each([
    ['is no JSON', '{'],
    ['is something else', '{"schema":1}'],
  ])('that %s is refused', (_what, text) => {
    const store = EvidenceStore.open(manifest, { dir });
    writeFileSync(store.pathOf('load'), text);
    expect(() => store.all()).toThrow(thrown('EVIDENCE_INVALID'));
  });

  test('of a stage that lies under another’s name is refused', () => {
    const store = EvidenceStore.open(manifest, { dir });
    store.write('smoke', RESULT, TIMES);
    writeFileSync(store.pathOf('load'), readFileSync(store.pathOf('smoke')));
    expect(() => store.all()).toThrow(thrown('EVIDENCE_INVALID'));
  });

  test('is not found where there is none, and not where its manifest was edited', () => {
    expect(() => EvidenceStore.read(dir)).toThrow(thrown('EVIDENCE_MISSING'));
    EvidenceStore.open(manifest, { dir });
    const path = join(dir, 'manifest.json');
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll('aaaaaaaaaa', 'aaaaaaaaab'));
    expect(() => EvidenceStore.read(dir)).toThrow(thrown('MANIFEST_INVALID'));
  });
});
