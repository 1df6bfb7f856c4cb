import { containersOf, type Container } from './containers.ts';
import { lastWords, type Docker } from './docker.ts';
import { dockerFailed } from './errors.ts';

export interface LogLine {
  text: string;
  stream: 'stdout' | 'stderr';
}

/** Last lines of a container, oldest first; what it wrote to stdout and stderr in the order in which it did. */
export async function mergedLines(docker: Docker, id: string, lines: number): Promise<LogLine[]> {
  const args = ['logs', '--timestamps', '--tail', String(lines), id];
  const { code, stdout, stderr } = await docker.run(args);
  if (code !== 0) {
    if (/no such container/i.test(stderr)) return [];
    throw dockerFailed('reading logs', lastWords(stderr));
  }
  const timed = [...timedLines(stdout, 'stdout'), ...timedLines(stderr, 'stderr')];
  // RFC 3339 with nanoseconds, all of the same zone: they sort as text. A stable sort keeps each stream's order.
  timed.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return timed.slice(-lines).map(({ text, stream }) => ({ text, stream }));
}

function timedLines(text: string, stream: LogLine['stream']): (LogLine & { at: string })[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const blank = line.indexOf(' ');
    return { at: line.slice(0, blank), text: line.slice(blank + 1), stream };
  });
}

/**
 * The line that says most about an end: of what went to stderr the last that names an error, else the last that is no
 * part of a stack; else the last of all.
 */
export function tellingLine(lines: readonly LogLine[]): string | undefined {
  const words = lines.filter(({ text }) => text.trim() !== '' && !/^\s|^[{}[\],^~]+$|^Node\.js v\d/.test(text));
  const loud = words.filter(({ stream }) => stream === 'stderr');
  const named = loud.findLast(({ text }) => /^papergate: |\b\w*(Error|ERROR|FATAL|PANIC)\b|\[ERR_/.test(text));
  return (named ?? loud.at(-1) ?? words.at(-1))?.text.trim();
}

/** The container of a service that was the last to run. */
export async function latestOf(docker: Docker, project: string, service: string): Promise<Container | undefined> {
  const all = await containersOf(docker, { project, service });
  const age = (container: Container): number => container.startedAt ?? 0;
  return all.sort((a, b) => age(b) - age(a) || b.createdAt - a.createdAt)[0];
}
