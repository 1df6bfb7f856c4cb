import type { Readable } from 'node:stream';
import type { Check } from '../../evidence/index.ts';
import { isSecretName, secretShape } from '../args.ts';
import type { DockerEnv } from '../docker/run.ts';
import { walkArchive, walkImages, type ArchiveVisitor, type LayerFile } from './archive.ts';
import { Needles, secretIn } from './content.ts';
import { refusedName } from './names.ts';

export interface ScanFinding {
  /** `sha256:…` of the layer, or the name of the image's own JSON. */
  where: string;
  /** Path in the layer; empty where it is the image's own JSON. */
  path: string;
  rule: 'refused-name' | 'secret' | 'sentinel' | 'environment';
  /** One sentence, without any secret or part of one. */
  message: string;
}
export interface ScanReport {
  findings: ScanFinding[];
  layers: number;
  files: number;
  bytes: number;
}
export interface ScanOptions {
  env: DockerEnv;
  /** Secrets that are known here: none of them may be in an image, in whatever form. Six bytes or longer. */
  sentinels?: readonly string[];
  signal?: AbortSignal | undefined;
}

const MAX_WHOLE = 8 * 1024 * 1024;
const MAX_FINDINGS = 100;
const OF_A_PACKAGE = /(?:^|\/)node_modules\//;

/**
 * Searches every layer of images, also what an upper one hides, and their configuration and history, for keys,
 * tokens, the given secrets and files that have no business there. Layers that images share are read once.
 * @throws ExternalError DOCKER_MISSING, ENGINE_UNREACHABLE, DOCKER_FAILED
 */
export async function scanLayers(images: readonly string[], options: ScanOptions): Promise<ScanReport> {
  const scan = new Scan(options.sentinels ?? []);
  await walkImages(images, options.env, scan, options.signal);
  return scan.report;
}

/** The same of what `docker save` has written. */
export async function scanArchive(archive: Readable, sentinels: readonly string[] = []): Promise<ScanReport> {
  const scan = new Scan(sentinels);
  await walkArchive(archive, scan);
  return scan.report;
}

/** The check of a stage: passed only where something was read and nothing found. */
export function scanCheck({ findings, layers, files, bytes }: ScanReport): Check {
  const seen = `${layers} layers, ${files} files, ${Math.round(bytes / 1e6)} MB`;
  const [first] = findings;
  if (first !== undefined) {
    const more = findings.length === 1 ? '' : ` (and ${findings.length - 1} more)`;
    return {
      name: 'no secret in any layer',
      status: 'failed',
      observed: findings.length,
      limit: '= 0',
      detail: `${first.message}${more}`,
    };
  }
  if (layers === 0 || files === 0) {
    return { name: 'no secret in any layer', status: 'failed', detail: 'there was nothing to be searched' };
  }
  return { name: 'no secret in any layer', status: 'passed', observed: 0, limit: '= 0', detail: seen };
}

class Scan implements ArchiveVisitor {
  readonly report: ScanReport = { findings: [], layers: 0, files: 0, bytes: 0 };
  readonly #needles: Needles;
  readonly #layers = new Set<string>();

  constructor(sentinels: readonly string[]) {
    this.#needles = new Needles(sentinels);
  }

  #find(where: string, path: string, rule: ScanFinding['rule'], what: string): void {
    if (this.report.findings.length >= MAX_FINDINGS) return;
    // A name may itself be what was found.
    const shown =
      this.#needles.find(Buffer.from(path)).length > 0 || secretShape(path) !== undefined ? '(name withheld)' : path;
    const place = path === '' ? where : `${shown} in layer ${where.slice(0, 19)}`;
    this.report.findings.push({ where, path: shown, rule, message: `${place} ${what}` });
  }

  async file({ layer, path, linkname, content }: LayerFile): Promise<void> {
    if (!this.#layers.has(layer)) {
      this.#layers.add(layer);
      this.report.layers++;
    }
    this.report.files++;
    const named = refusedName(path);
    if (named !== undefined) this.#find(layer, path, 'refused-name', `is ${named}`);
    const names = Buffer.from(`${path}\n${linkname}`);
    if (this.#needles.find(names).length > 0) this.#find(layer, path, 'sentinel', 'has a secret in its name');
    await this.#content(layer, path, content);
  }

  async #content(layer: string, path: string, content: LayerFile['content']): Promise<void> {
    let pieces: Buffer[] | undefined = [];
    let tail = Buffer.alloc(0);
    let length = 0;
    const found = new Set<number>();
    for await (const piece of content) {
      length += piece.length;
      const joined = Buffer.concat([tail, piece]);
      for (const sentinel of this.#needles.find(joined)) found.add(sentinel);
      tail = joined.subarray(Math.max(0, joined.length - this.#needles.overlap));
      if (length > MAX_WHOLE) pieces = undefined;
      pieces?.push(piece);
    }
    this.report.bytes += length;
    for (const sentinel of found)
      this.#find(layer, path, 'sentinel', `holds secret ${sentinel + 1} of those that are known`);
    if (pieces === undefined || length === 0) return;
    const held = secretIn(path, Buffer.concat(pieces), !OF_A_PACKAGE.test(path));
    if (held !== undefined) this.#find(layer, path, 'secret', `holds ${held}`);
  }

  text({ name, text }: { name: string; text: string }): void {
    for (const sentinel of this.#needles.find(Buffer.from(text))) {
      this.#find(name, '', 'sentinel', `holds secret ${sentinel + 1} of those that are known`);
    }
    for (const line of sentences(text)) {
      const held = secretShape(line);
      if (held !== undefined) this.#find(name, '', 'secret', `holds ${held}: the image’s configuration or history`);
      const variable = /^([A-Za-z_][A-Za-z0-9_]*)=(.+)$/.exec(line);
      if (variable?.[1] !== undefined && isSecretName(variable[1]) && !variable[1].endsWith('_FILE')) {
        this.#find(name, '', 'environment', `sets ${variable[1]}: a secret belongs into a file that is mounted`);
      }
    }
  }
}

/** All texts in a JSON document; the text itself where it is none. */
function sentences(text: string): string[] {
  const all: string[] = [];
  const visit = (value: unknown): void => {
    if (typeof value === 'string') all.push(value);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) {
        all.push(key);
        visit(inner);
      }
    }
  };
  try {
    visit(JSON.parse(text));
  } catch {
    all.push(text);
  }
  return all.filter((sentence) => !/^(?:sha256:)?[0-9a-f]{64}$|^blobs\/sha256\//.test(sentence));
}
