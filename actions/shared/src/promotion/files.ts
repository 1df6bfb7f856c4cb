import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { errorCode, messageOf, UserError, type EnvSource } from '@papergate/config';
import { CheckpointSchema } from '../database/types.ts';
import { EvidenceStore } from '../evidence/store.ts';
import { run } from '../process/run.ts';
import { digestOf } from '../release/digest.ts';
import { machineEnvironment } from '../supervisor/machine-env.ts';
import type { GateFiles, OnCall } from './types.ts';

/** Where everything lies. What is undefined was not given, and whoever asks for it is told so. */
export interface GateFileOptions {
  /** The checkout that holds the release's tree. */
  checkout: string;
  /** Folder of staging's evidence. */
  evidence: string;
  /** Folder of the evidence of the release that runs in production. */
  baseline: string | undefined;
  /** Undefined: npm is asked now. */
  dependencyAudit: string | undefined;
  /** Folder of results of image scanners. */
  imageAudits: string | undefined;
  /** `papergate db list --json`, of production's database. */
  checkpoints: string | undefined;
  /** Undefined: gh is asked now. */
  trustedRoot: string | undefined;
  onCall: readonly OnCall[];
  env: EnvSource;
  /** For gh. */
  gitHubToken: string;
  now: () => Date;
  signal?: AbortSignal | undefined;
}

const LOCKFILE = 'package-lock.json';
const ALERTS = 'config/alerts.staging.yaml';
const ListingSchema = Type.Object({
  checkpoints: Type.Array(CheckpointSchema),
  broken: Type.Array(Type.Object({ id: Type.String() })),
});

/** The files that a job lays before the gate. Nothing is read before a rule asks for it. */
export function gateFiles(options: GateFileOptions): GateFiles {
  const { checkout, evidence, baseline, imageAudits, checkpoints, onCall } = options;
  return {
    evidence: async () => EvidenceStore.read(evidence).all(),
    async baseline() {
      const dir = given(baseline, 'BASELINE_MISSING', 'no evidence of the last good release', 'baseline');
      const store = EvidenceStore.read(dir);
      return { manifestDigest: store.manifest.digest, evidence: store.all() };
    },
    dependencyAudit: () => dependencyAudit(options),
    async imageAudits() {
      const dir = given(imageAudits, 'IMAGE_AUDITS_MISSING', 'no results of an image scanner', 'image-audits');
      const found = await texts(dir, /\.(sarif|json)$/);
      // Audits of all kinds may lie in one folder.
      const values = [...found].map(([name, text]) => [name, parse(join(dir, name), text)] as const);
      return new Map(values.filter(([, value]) => !isDependencyAudit(value)));
    },
    decisionRecords: (folder) => texts(join(checkout, folder), /\.md$/),
    commitOfTag: (tag) => commitOfTag(tag, options),
    async checkpoints() {
      const path = given(checkpoints, 'CHECKPOINTS_MISSING', 'no list of checkpoints', 'checkpoints');
      const value = parse(path, await text(path));
      if (!Value.Check(ListingSchema, value)) throw unreadable(path, 'is not what "papergate db list --json" prints');
      return { checkpoints: value.checkpoints, broken: value.broken.map(({ id }) => id) };
    },
    onCall: () => Promise.resolve(onCall),
    criticalAlerts: async () => criticalIn(await text(join(checkout, ALERTS))),
    trustedRoot: () => trustedRoot(options),
  };
}

/**
 * What npm says of the lock file now. What it could not do is in its report, and blocks there.
 * @throws UserError GATE_FILE_UNREADABLE where there is no lock file
 */
async function dependencyAudit({
  dependencyAudit: path,
  checkout,
  env,
  now,
  signal,
}: GateFileOptions): Promise<unknown> {
  if (path !== undefined) return parse(path, await text(path));
  await text(join(checkout, LOCKFILE));
  const { stdout, stderr } = await run('npm', ['audit', '--json', '--package-lock-only'], {
    cwd: checkout,
    env: { ...machineEnvironment(env) },
    signal,
  });
  let report: unknown;
  try {
    report = JSON.parse(stdout);
  } catch {
    report = { message: stderr.trim().slice(-300) };
  }
  return { schema: 1, taken_at: now().toISOString(), lockfile_digest: digestOf(checkout, [LOCKFILE]), report };
}

async function trustedRoot({ trustedRoot: path, env, gitHubToken, signal }: GateFileOptions): Promise<string> {
  if (path !== undefined) return text(path);
  try {
    const { code, stdout, stderr } = await run('gh', ['attestation', 'trusted-root'], {
      env: { ...machineEnvironment(env), GH_TOKEN: gitHubToken },
      signal,
    });
    if (code === 0) return stdout;
    throw new Error(stderr.trim().slice(0, 300));
  } catch (error) {
    signal?.throwIfAborted();
    throw new UserError({
      code: 'TRUSTED_ROOT_MISSING',
      message: `the input trusted-root is not given, and gh does not tell: ${errorCode(error) === 'ENOENT' ? 'it is not on the PATH' : messageOf(error)}`,
      fix: 'run "gh attestation trusted-root > trusted_root.jsonl" in a step before, and give that file',
    });
  }
}

async function commitOfTag(tag: string, { checkout, env, signal }: GateFileOptions): Promise<string | undefined> {
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `refs/tags/${tag}^{commit}`];
  const { code, stdout } = await run('git', args, { cwd: checkout, env: { ...machineEnvironment(env) }, signal });
  return code === 0 ? stdout.trim() : undefined;
}

/** Names of the critical alerts in a file of Prometheus' rules, in whichever of YAML's two ways labels are written. */
export function criticalIn(yaml: string): string[] {
  return yaml
    .split(/^(?=[ \t]*-[ \t]+alert:)/m)
    .filter((part) => /\bseverity:[ \t]*["']?critical\b/.test(part))
    .flatMap((part) => /^[ \t]*-[ \t]+alert:[ \t]*["']?([A-Za-z0-9_:]+)/.exec(part)?.[1] ?? []);
}

const isDependencyAudit = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'lockfile_digest' in value;

function given(path: string | undefined, code: string, what: string, input: string): string {
  if (path !== undefined) return path;
  throw new UserError({
    code,
    message: `there is ${what}: the input ${input} is not given`,
    fix: `give ${input}, or waive the rule with a reason`,
  });
}

async function texts(dir: string, pattern: RegExp): Promise<Map<string, string>> {
  const names = await readdir(dir).catch((error: unknown) => {
    throw unreadable(dir, `cannot be read: ${messageOf(error)}`);
  });
  const wanted = names.filter((name) => pattern.test(name)).sort();
  return new Map(await Promise.all(wanted.map(async (name) => [name, await text(join(dir, name))] as const)));
}

async function text(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw unreadable(path, `cannot be read: ${messageOf(error)}`);
  }
}

function parse(path: string, json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    throw unreadable(path, `is no JSON: ${messageOf(error)}`);
  }
}

const unreadable = (path: string, why: string): UserError =>
  new UserError({
    code: 'GATE_FILE_UNREADABLE',
    message: `${basename(path)} ${why}`,
    fix: 'see that the step that writes it ran, and that its artifact was downloaded',
  });
