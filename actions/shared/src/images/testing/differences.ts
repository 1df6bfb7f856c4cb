import { createHash } from 'node:crypto';
import type { DockerEnv } from '../docker/run.ts';
import { walkImages } from '../scan/archive.ts';

const SHOWN = 40;

/** Every entry of every layer, and what the image says of itself, each as a line. */
async function linesOf(image: string, env: DockerEnv): Promise<Set<string>> {
  const lines = new Set<string>();
  await walkImages([image], env, {
    file: async ({ path, linkname, mode, modifiedAt, content }) => {
      const hash = createHash('sha256');
      let size = 0;
      for await (const chunk of content) {
        hash.update(chunk);
        size += chunk.length;
      }
      const time = new Date(modifiedAt).toISOString();
      lines.add(`${path} ${mode.toString(8)} ${time} ${size} ${hash.digest('hex').slice(0, 12)} ${linkname}`.trim());
    },
    text: ({ name, text }) => {
      // The names of the layers follow from what is compared already.
      if (text.includes('"rootfs"')) lines.add(`configuration: ${text}`);
      else if (!/manifest|index|layout|repositories|^blobs/.test(name)) lines.add(`${name}: ${text}`);
    },
  });
  return lines;
}

/** In what two images differ, for a person: entries that only one of them has, with mode, time, size and digest. */
export async function differences(one: string, other: string, env: DockerEnv): Promise<string[]> {
  const [before, after] = [await linesOf(one, env), await linesOf(other, env)];
  const gone = [...before].filter((line) => !after.has(line)).map((line) => `- ${line}`);
  const come = [...after].filter((line) => !before.has(line)).map((line) => `+ ${line}`);
  return [...gone, ...come].toSorted((a, b) => (a.slice(2) < b.slice(2) ? -1 : 1)).slice(0, SHOWN);
}
