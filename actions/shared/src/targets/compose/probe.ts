import type { ProbeResult } from '../../deliver/types.ts';
import type { Manifest } from '../../release/manifest.ts';
import { readableLine } from '../../supervisor/log-file.ts';
import { probeReadiness } from '../../supervisor/readiness.ts';
import { redact } from '../../supervisor/redact.ts';
import { containersOf, inspect, isService, type Container } from './containers.ts';
import type { Docker } from './docker.ts';
import { lastEnd } from './events.ts';
import { mergedLines, tellingLine } from './logs.ts';

/** Between two looks at a container that does not answer: each costs a process, beside services that are starting. */
const LOOK_EVERY_MS = 400;
/** As the supervisor of the process target has it: after more crashes a service is given up. */
const CRASHES = 5;
/** Where the next start would end in the same way: a wrong configuration (2), a program that cannot be run (126, 127). */
const MISTAKES: readonly number[] = [2, 126, 127];
/** One that crashed since it was made counts as ready when it has stayed up for so long. */
const STEADY_MS = 10_000;

/** Why a container does not run, in one line: `exited 2 after 0.4 s: …`. */
export function endWords(container: Container, lastLine: string | undefined): string {
  const { status, exitCode, oomKilled, error, startedAt, finishedAt, restarts } = container;
  if (startedAt === undefined) return error === '' ? 'it was not started' : `it could not be started: ${error}`;
  const lived = finishedAt === undefined || finishedAt < startedAt ? undefined : (finishedAt - startedAt) / 1000;
  const after = lived === undefined ? '' : ` after ${lived.toFixed(1)} s`;
  const how = oomKilled ? `killed for want of memory${after}` : `exited ${exitCode}${after}`;
  const again = restarts > 0 || status === 'restarting' ? `, started again ${restarts} times` : '';
  const said = lastLine ?? error;
  return `${how}${again}${said === '' ? '' : `: ${said}`}`;
}

interface Known {
  id: string;
  lookedAt: number;
  seen: Container | undefined;
}

/** Looks at services, and at their containers only as often as that is worth its price. */
export class Prober {
  readonly #docker: Docker;
  readonly #project: string;
  readonly #secrets: () => readonly string[];
  readonly #known = new Map<string, Known>();

  constructor(options: { docker: Docker; project: string; secrets: () => readonly string[] }) {
    this.#docker = options.docker;
    this.#project = options.project;
    this.#secrets = options.secrets;
  }

  /** It has just been started: what was known of it before is no more. */
  began(manifest: Manifest, service: string, id: string): void {
    this.#known.set(`${manifest.digest}/${service}`, { id, lookedAt: performance.now(), seen: undefined });
  }

  async probe(manifest: Manifest, service: string, url: string, now: () => Promise<number>): Promise<ProbeResult> {
    const known = await this.#find(manifest, service);
    if (known === undefined) return { ready: false, detail: 'there is no container of it', final: true };
    const answer = await probeReadiness(url, manifest.commit);
    if (answer === true) {
      const container = await this.#look(known);
      if (container === undefined) return { ready: false, detail: 'its container is gone', final: true };
      if (container.status !== 'running') return this.#ended(container);
      const upFor = container.restarts === 0 ? STEADY_MS : (await now()) - (container.startedAt ?? 0);
      if (upFor >= STEADY_MS) return { ready: true, detail: 'ready' };
      return this.#crashed(container, now);
    }
    if (performance.now() - known.lookedAt < LOOK_EVERY_MS) return { ready: false, detail: answer };
    const container = await this.#look(known);
    if (container === undefined) return { ready: false, detail: 'its container is gone', final: true };
    if (container.status !== 'running') return this.#ended(container);
    if (container.restarts > 0) return this.#crashed(container, now);
    return { ready: false, detail: answer };
  }

  async #find(manifest: Manifest, service: string): Promise<Known | undefined> {
    const key = `${manifest.digest}/${service}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const wanted = { project: this.#project, service, manifest: manifest.digest };
    const container = (await containersOf(this.#docker, wanted)).find(isService);
    if (container === undefined) return undefined;
    const found: Known = { id: container.id, lookedAt: 0, seen: undefined };
    this.#known.set(key, found);
    return found;
  }

  async #look(known: Known): Promise<Container | undefined> {
    const [container] = await inspect(this.#docker, [known.id]);
    known.lookedAt = performance.now();
    known.seen = container;
    return container;
  }

  async #ended(container: Container): Promise<ProbeResult> {
    const { status, exitCode, restarts } = container;
    const final = status !== 'restarting' || MISTAKES.includes(exitCode) || restarts >= CRASHES;
    const detail = endWords(container, await this.#lastLine(container.id));
    return { ready: false, detail, ...(final ? { final } : {}) };
  }

  /** It runs, after ends that it was brought back from. */
  async #crashed(container: Container, now: () => Promise<number>): Promise<ProbeResult> {
    const { id, createdAt, restarts } = container;
    const [end, line] = await Promise.all([
      lastEnd(this.#docker, id, createdAt, await now()).catch(() => undefined),
      this.#lastLine(id),
    ]);
    const how = end === undefined ? 'it ended' : end.oomKilled ? 'killed for want of memory' : `exited ${end.exitCode}`;
    const said = line === undefined ? '' : `: ${line}`;
    const final = (end !== undefined && MISTAKES.includes(end.exitCode)) || restarts >= CRASHES;
    return { ready: false, detail: `${how}, started again ${restarts} times${said}`, ...(final ? { final } : {}) };
  }

  async #lastLine(id: string): Promise<string | undefined> {
    const line = tellingLine(await mergedLines(this.#docker, id, 20));
    return line === undefined ? undefined : readableLine(redact(line, this.#secrets()));
  }
}
