import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, UserError } from '@papergate/config';
import { makeFolder, writeAtomic, type Home } from '../home/index.ts';
import { canonicalJson, checkManifest, type Manifest } from '../release/manifest.ts';
import { bindEvidence, isEvidence, STAGES, type Evidence, type StageName, type StageResult } from './index.ts';

/*
 * Evidence that travels between the jobs of a workflow: one folder for each manifest,
 * `<home>/evidence/<first 12 of its digest>/`, which a job leaves as an artifact and the next one takes up.
 *
 * | file | |
 * | --- | --- |
 * | `manifest.json` | what the evidence is about |
 * | `<stage>.json` | the evidence of a stage, its newest |
 * | `run.json` | the record that the report is made of |
 * | `report.html` `report.json` `summary.md` | for people; made anew with every stage |
 * | `load/` | k6's own output |
 */

const MANIFEST = 'manifest.json';

export const evidenceFolder = ({ dir }: Pick<Home, 'dir'>, manifestDigest: string): string =>
  join(dir, 'evidence', manifestDigest.replace('sha256:', '').slice(0, 12));

/** Removes the evidence of all manifests but those to which something was added last. */
export function pruneEvidence({ dir }: Pick<Home, 'dir'>, keep: number): void {
  const all = join(dir, 'evidence');
  if (!existsSync(all)) return;
  const folders = readdirSync(all)
    .map((name) => join(all, name))
    .filter((path) => existsSync(join(path, MANIFEST)))
    .map((path) => ({ path, at: statSync(path).mtimeMs }))
    .sort((one, other) => other.at - one.at);
  for (const { path } of folders.slice(keep)) rmSync(path, { recursive: true, force: true });
}

/** The evidence of one manifest, as it lies on disk: nothing is remembered beside it. */
export class EvidenceStore {
  readonly dir: string;
  readonly manifest: Manifest;

  private constructor(dir: string, manifest: Manifest) {
    this.dir = dir;
    this.manifest = manifest;
  }

  /**
   * The folder of a manifest, made where it is not there yet. `dir`: one that another job filled, instead of the home's own.
   * @throws UserError EVIDENCE_FOREIGN where the folder is about another manifest, MANIFEST_INVALID
   */
  static open(manifest: Manifest, where: { home: Pick<Home, 'dir'> } | { dir: string }): EvidenceStore {
    const dir = 'dir' in where ? where.dir : evidenceFolder(where.home, manifest.digest);
    const path = join(dir, MANIFEST);
    if (existsSync(path)) {
      const found = readManifest(path);
      if (found.digest !== manifest.digest) throw foreign(path, found.digest, manifest.digest);
      return new EvidenceStore(dir, found);
    }
    makeFolder(dir);
    writeAtomic(path, `${JSON.stringify(manifest, null, 2)}\n`, 0o644);
    return new EvidenceStore(dir, manifest);
  }

  /**
   * A folder that an earlier job left.
   * @throws UserError EVIDENCE_MISSING where it is none, MANIFEST_INVALID
   */
  static read(dir: string): EvidenceStore {
    const path = join(dir, MANIFEST);
    if (!existsSync(path)) {
      throw new UserError({
        code: 'EVIDENCE_MISSING',
        message: `${dir} is no folder of evidence: there is no ${MANIFEST} in it`,
        fix: 'give the folder that an earlier stage named in its output "evidence"; in another job download its artifact first',
      });
    }
    return new EvidenceStore(dir, readManifest(path));
  }

  /** Binds a stage's result to the manifest and puts it in the place of that stage's earlier one. */
  write(stage: StageName, result: StageResult, times: { startedAt: Date; finishedAt: Date }): Evidence {
    const { digest: manifestDigest, commit } = this.manifest;
    const evidence = bindEvidence(result, { stage, manifestDigest, commit, ...times });
    this.writeFile(`${stage}.json`, evidence);
    return evidence;
  }

  /** Where a stage's evidence lies. */
  pathOf(stage: StageName): string {
    return join(this.dir, `${stage}.json`);
  }

  writeFile(name: string, value: unknown): void {
    this.writeText(name, `${JSON.stringify(value, null, 2)}\n`);
  }

  /** @returns its path */
  writeText(name: string, text: string): string {
    const path = join(this.dir, name);
    mkdirSync(this.dir, { recursive: true });
    writeAtomic(path, text, 0o644);
    return path;
  }

  /**
   * All evidence, in the order of the stages.
   * @throws UserError EVIDENCE_INVALID where a file is none or of another stage than its name says, EVIDENCE_FOREIGN
   */
  all(): Evidence[] {
    return STAGES.filter((stage) => existsSync(this.pathOf(stage))).map((stage) => this.#read(stage));
  }

  #read(stage: StageName): Evidence {
    const path = this.pathOf(stage);
    const value = readJson(path);
    if (!isEvidence(value) || value.stage !== stage) throw invalid(path, `is not evidence of ${stage}`);
    if (value.manifest_digest !== this.manifest.digest)
      throw foreign(path, value.manifest_digest, this.manifest.digest);
    return value;
  }

  /** Over the manifest and the evidence, as they lie on disk: one name for what was proven, to be kept elsewhere. */
  digest(): string {
    const wanted = new Set([MANIFEST, ...STAGES.map((stage) => `${stage}.json`)]);
    const names = readdirSync(this.dir).filter((name) => wanted.has(name));
    const files = Object.fromEntries(names.map((name) => [name, sha256(readFileSync(join(this.dir, name)))]));
    return `sha256:${sha256(canonicalJson(files))}`;
  }
}

const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const readManifest = (path: string): Manifest => checkManifest(readJson(path), path);

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw invalid(path, `cannot be read: ${messageOf(error)}`);
  }
}

const invalid = (path: string, why: string): UserError =>
  new UserError({ code: 'EVIDENCE_INVALID', message: `${path} ${why}`, fix: 'run the stage that it is of again' });

const foreign = (path: string, found: string, wanted: string): UserError =>
  new UserError({
    code: 'EVIDENCE_FOREIGN',
    message: `${path} is about the manifest ${found}, and ${wanted} is meant`,
    fix: 'give the evidence of the release that is delivered, or leave it out',
  });
