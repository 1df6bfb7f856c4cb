import { createWriteStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { messageOf } from '@papergate/config';
import { sha256OfFile } from './cache.ts';
import type { ReleaseFiles } from './pins.ts';
import { runProgram } from './run.ts';
import { zipMember } from './zip.ts';

export interface DownloadOptions {
  release: ReleaseFiles;
  /** An empty folder to work in. */
  dir: string;
  fetch: typeof globalThis.fetch;
  env: Readonly<Record<string, string | undefined>>;
  onProgress: (message: string, fraction?: number) => void;
  signal: AbortSignal;
}

const CONNECT_MS = 10_000;
const LONGEST_MS = 300_000;

/**
 * Fetches the official archive, holds it against the release's checksums and unpacks it.
 * @returns the path of the program
 * @throws Error whose message says what went wrong, for the list of what was tried
 */
export async function download(options: DownloadOptions): Promise<string> {
  const { release, dir, env, signal } = options;
  const { checksums } = release;
  const expected =
    typeof checksums === 'string'
      ? checksumOf(await (await get(checksums, options, CONNECT_MS)).text(), release.archive, checksums)
      : checksums.sha256;
  const archive = join(dir, release.archive);
  await fetchFile(archive, options);
  const found = await sha256OfFile(archive);
  if (found !== expected) {
    throw new Error(
      `${release.archive} has sha256 ${found}, ${typeof checksums === 'string' ? checksums : 'its pin'} says ${expected}: not installed`,
    );
  }
  if (release.archive.endsWith('.whl')) {
    const program = join(dir, 'program');
    await writeFile(program, zipMember(await readFile(archive), release.member), { mode: 0o755 });
    return program;
  }
  // GNU tar takes .tar.gz, the bsdtar of macOS and Windows takes .zip too.
  const unpacked = await runProgram({ command: 'tar', args: ['-xf', archive, '-C', dir], env, signal });
  if (unpacked.code !== 0) throw new Error(`${release.archive} cannot be unpacked: ${unpacked.stderrTail.join(' ')}`);
  return join(dir, release.member);
}

async function get(file: string, { release, fetch, signal }: DownloadOptions, timeoutMs: number): Promise<Response> {
  const url = `${release.base}/${file}`;
  const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) }).catch(
    (error: unknown) => {
      throw new Error(`${url} cannot be reached: ${messageOf(error)}`, { cause: error });
    },
  );
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response;
}

function checksumOf(list: string, archive: string, checksums: string): string {
  for (const line of list.split('\n')) {
    const [digest, name] = line.trim().split(/\s+\*?/);
    if (name === archive && digest !== undefined && /^[0-9a-f]{64}$/.test(digest)) return digest;
  }
  throw new Error(`${checksums} does not list ${archive}`);
}

async function fetchFile(path: string, options: DownloadOptions): Promise<void> {
  const response = await get(options.release.archive, options, LONGEST_MS);
  const total = Number(response.headers.get('content-length') ?? 0);
  let received = 0;
  let told = '';
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      const message = `downloading ${options.release.archive}: ${(received / 1e6).toFixed(0)} MB`;
      if (message !== told) options.onProgress(message, total > 0 ? received / total : undefined);
      told = message;
      done(null, chunk);
    },
  });
  if (response.body === null) throw new Error(`${options.release.archive} came without content`);
  await pipeline(Readable.fromWeb(response.body as WebStream<Uint8Array>), count, createWriteStream(path));
}
