import { containersOf, type Container } from './containers.ts';
import { lastWords, type Docker } from './docker.ts';
import { dockerFailed } from './errors.ts';

/** Last lines of a container, oldest first; what it wrote to stdout and stderr in the order in which it did. */
export async function mergedLines(docker: Docker, id: string, lines: number): Promise<string[]> {
  const args = ['logs', '--timestamps', '--tail', String(lines), id];
  const { code, stdout, stderr } = await docker.run(args);
  if (code !== 0) {
    if (/no such container/i.test(stderr)) return [];
    throw dockerFailed('reading logs', lastWords(stderr));
  }
  const timed = [...stdout.split('\n'), ...stderr.split('\n')].filter((line) => line !== '');
  // RFC 3339 with nanoseconds, all of the same zone: they sort as text. A stable sort keeps each stream's order.
  const at = (line: string): string => line.slice(0, line.indexOf(' '));
  timed.sort((a, b) => (at(a) < at(b) ? -1 : at(a) > at(b) ? 1 : 0));
  return timed.slice(-lines).map((line) => line.slice(line.indexOf(' ') + 1));
}

/** The container of a service that was the last to run. */
export async function latestOf(docker: Docker, project: string, service: string): Promise<Container | undefined> {
  const all = await containersOf(docker, { project, service });
  const age = (container: Container): number => container.startedAt ?? 0;
  return all.sort((a, b) => age(b) - age(a) || b.createdAt - a.createdAt)[0];
}
