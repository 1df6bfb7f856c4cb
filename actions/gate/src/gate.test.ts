import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { EvidenceStore, gatePlace, readAudit, recorder, runAction, verifyAudit } from '@papergate/delivery';
import { makeWorld, RELEASE, serveWorld, type ServedWorld, type World } from '@papergate/delivery/gate-testing';
import { gate } from './gate.ts';
import { INPUTS, OUTPUTS } from './inputs.ts';

let dir: string;
let served: ServedWorld | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'papergate-gate-'));
});
afterEach(async () => {
  await served?.close();
  served = undefined;
  rmSync(dir, { recursive: true });
});

const act = async (env: Record<string, string>) => {
  const runner = recorder(env);
  await runAction({ name: 'gate', inputs: INPUTS, outputs: OUTPUTS, main: gate }, runner);
  return runner;
};
const production = async (spoil: (world: World) => void = () => {}, env: Record<string, string> = {}) => {
  const world = await makeWorld();
  spoil(world);
  served = await serveWorld(world, dir);
  return act({ ...served.env, ...env });
};
const place = () => gatePlace({ dir: join(dir, 'home') }, {});

describe('the gate of production', () => {
  test('opens where every rule holds: with a table, a file and an entry in the audit log', async () => {
    const { outputs, exitCode, annotations, summary, said } = await production();
    expect(annotations).toEqual([]);
    expect(exitCode).toBe(0);
    expect(Object.fromEntries(outputs)).toMatchObject({
      verdict: 'pass',
      'reason-code': '',
      reasons: '[]',
      sha: RELEASE.commit,
    });
    expect(summary).toMatch(/✅ \*\*pass\*\* – every rule holds/);
    expect(summary.match(/^\| ✅ \|/gm)).toHaveLength(22);
    expect(summary).toContain('hours 48');
    expect(JSON.parse(readFileSync(outputs.get('decision') ?? '', 'utf8'))).toMatchObject({
      decision: 'pass',
      audit: { seq: 1 },
    });
    expect(await readAudit(place())).toMatchObject([{ outcome: 'pass', actor: { github_actor: 'writer' } }]);
    const all = [summary, ...said.filter((line) => line !== 'mask'), ...outputs.values()].join('\n');
    expect(all).not.toContain('token-of-');
  });

  test('stays closed with every reason: as an annotation, in the table, as output and on record', async () => {
    const { outputs, exitCode, annotations, summary } = await production(({ bundle, files }) => {
      bundle.fired.push({ alertname: 'BreakerHalted', severity: 'critical', at: Date.UTC(2026, 5, 9) });
      files.onCall = [];
    });
    expect(exitCode).toBe(1);
    expect(Object.fromEntries(outputs)).toMatchObject({ verdict: 'block', 'reason-code': 'ALERT_FIRED' });
    const reasons = JSON.parse(outputs.get('reasons') ?? '') as { rule: string; code: string }[];
    expect(reasons.map(({ rule, code }) => `${rule} ${code}`)).toEqual([
      'alerts ALERT_FIRED',
      'on-call ON_CALL_NOBODY',
    ]);
    const titles = annotations.map(({ properties }) => properties['title']);
    expect(titles).toEqual(['gate: alerts', 'gate: on-call', 'gate: ALERT_FIRED']);
    expect(summary).toMatch(/⛔ \*\*block\*\* – production stays closed: 2 reasons/);
    expect(summary.match(/^\| ⛔ \|/gm)).toHaveLength(2);
    expect(await readAudit(place())).toMatchObject([{ outcome: 'block' }]);
  });

  test('opens with a waiver, which everybody can see', async () => {
    const waivers = JSON.stringify([{ rule: 'on-call', reason: 'all of us watch this one together', who: 'octocat' }]);
    const { outputs, annotations, summary } = await production(({ files }) => void (files.onCall = []), {
      INPUT_WAIVERS: waivers,
    });
    expect(outputs.get('verdict')).toBe('pass');
    expect(annotations).toMatchObject([{ kind: 'warning', properties: { title: 'gate: on-call' } }]);
    expect(summary).toMatch(/1 rules? waived/);
    expect(summary).toMatch(/octocat.*all of us watch this one together.*ON\\?_CALL/);
    expect((await readAudit(place()))[0]?.detail).toMatchObject({ waived: [{ rule: 'on-call', who: 'octocat' }] });
    expect(await verifyAudit(place())).toMatchObject({ ok: true });
  });

  test('stays closed under act, whatever else is well', async () => {
    const { outputs } = await production((world) => void (world.act = true));
    expect(Object.fromEntries(outputs)).toMatchObject({ verdict: 'block', 'reason-code': 'RUN_UNDER_ACT' });
    expect(JSON.parse(outputs.get('reasons') ?? '')).toHaveLength(1);
  });

  const MISSING: [string, string][] = [
    ['BASELINE', 'BASELINE_MISSING'],
    ['IMAGE-AUDITS', 'IMAGE_AUDITS_MISSING'],
    ['CHECKPOINTS', 'CHECKPOINTS_MISSING'],
    ['ON-CALL', 'ON_CALL_NOBODY'],
    ['PROMETHEUS-URL', 'INPUT_INVALID'],
    ['PROMETHEUS-TOKEN', 'PROMETHEUS_UNAUTHORIZED'],
    ['TRUSTED-ROOT', 'TRUSTED_ROOT_MISSING'],
  ];
  test.each(MISSING)('stays closed without the input %s: %s', async (input, code) => {
    const { outputs } = await production(undefined, { [`INPUT_${input}`]: '', PATH: dir });
    expect(outputs.get('verdict')).toBe('block');
    const codes = (JSON.parse(outputs.get('reasons') ?? '[]') as { code: string }[]).map((reason) => reason.code);
    expect([...new Set(codes)]).toEqual([code]);
  });

  test.each([
    [{ 'INPUT_GITHUB-TOKEN': '' }, 'INPUT_INVALID'],
    [{ INPUT_WAIVERS: '[{"rule": "lunch"}]' }, 'WAIVER_INVALID'],
    [{ INPUT_MOMENT: 'later' }, 'INPUT_INVALID'],
    [{ 'INPUT_ON-CALL': '{"who": "octocat"}' }, 'INPUT_INVALID'],
  ])('fails with %j: %s', async (env, code) => {
    const { outputs, exitCode } = await production(undefined, env);
    expect(exitCode).toBe(1);
    expect(Object.fromEntries(outputs)).toMatchObject({ verdict: 'failed', 'reason-code': code });
  });

  test('says so in its bundle, as GitHub runs it', async () => {
    served = await serveWorld(await makeWorld(), dir);
    const files = {
      GITHUB_OUTPUT: join(dir, 'output'),
      GITHUB_STEP_SUMMARY: join(dir, 'summary'),
      GITHUB_STATE: join(dir, 'state'),
    };
    for (const file of Object.values(files)) writeFileSync(file, '');
    const { env } = served;
    const child = spawn(process.execPath, [join(import.meta.dirname, '..', 'dist', 'index.cjs')], {
      env: { PATH: process.env['PATH'], ...env, ...files },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (part) => (said += String(part)));
    expect([await new Promise((done) => child.once('close', done)), said]).toEqual([0, expect.any(String)]);
    expect(readFileSync(files.GITHUB_OUTPUT, 'utf8')).toMatch(/verdict[^\n]*\npass\n/);
    expect(readFileSync(files.GITHUB_STEP_SUMMARY, 'utf8')).toContain('every rule holds');
  });
});

describe('the gate of staging', () => {
  const staging = async (spoil: (store: EvidenceStore) => void = () => {}) => {
    const world = await makeWorld();
    const now = Date.now();
    world.files.evidence = world.files.evidence.map((item) => ({
      ...item,
      started_at: new Date(now - 60_000).toISOString(),
      finished_at: new Date(now - 30_000).toISOString(),
    }));
    served = await serveWorld(world, dir);
    const { GITHUB_REPOSITORY, GITHUB_SHA, GITHUB_RUN_ID, GITHUB_WORKSPACE, INPUT_EVIDENCE } = served.env;
    spoil(EvidenceStore.read(served.evidence));
    return act({
      GITHUB_REPOSITORY: GITHUB_REPOSITORY ?? '',
      GITHUB_SHA: GITHUB_SHA ?? '',
      GITHUB_RUN_ID: GITHUB_RUN_ID ?? '',
      GITHUB_WORKSPACE: GITHUB_WORKSPACE ?? '',
      INPUT_EVIDENCE: INPUT_EVIDENCE ?? '',
    });
  };

  test('passes evidence that is whole and fresh, and leaves its own', async () => {
    const { outputs, exitCode, summary } = await staging();
    expect(exitCode).toBe(0);
    expect(Object.fromEntries(outputs)).toMatchObject({
      verdict: 'pass',
      reasons: '[]',
      'manifest-digest': RELEASE.digest,
    });
    expect(summary).toContain('evidence of smoke');
    const own = EvidenceStore.read(join(dir, 'evidence'))
      .all()
      .find(({ stage }) => stage === 'gate');
    expect(own).toMatchObject({ status: 'passed', manifest_digest: RELEASE.digest });
  });

  test('passes a second time: its own word is no evidence', async () => {
    await staging();
    await served?.close();
    const { outputs } = await staging();
    expect(outputs.get('verdict')).toBe('pass');
  });

  test('blocks where a stage is missing, and says which', async () => {
    const { outputs, annotations } = await staging((store) => rmSync(store.pathOf('smoke')));
    expect(Object.fromEntries(outputs)).toMatchObject({ verdict: 'block', 'reason-code': 'EVIDENCE_BLOCKS' });
    expect(annotations.map(({ text }) => text).join('\n')).toContain('smoke: there is no evidence');
  });
});
