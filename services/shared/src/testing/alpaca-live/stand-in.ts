import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Secret } from '@papergate/config';
import { makeCertificates } from './certificates.ts';
import { STAND_IN_HOSTS, startLiveProxy, type Seen } from './proxy.ts';

const STANDALONE = fileURLToPath(new URL('../../../../paper-exchange/src/standalone.ts', import.meta.url));
const REDIRECT = new URL('redirect.mjs', import.meta.url);

export interface LiveStandInOptions {
  /** Flags of `papergate exchange`, beside port and output. */
  flags?: readonly string[];
  /** Where Alpaca's hosts are served; default: a free port on loopback. In a container: `0.0.0.0`, 443. */
  host?: string;
  port?: number;
}

/** Alpaca's live account on this machine: nobody's money, but the addresses, the TLS and the kind of key of the real one. */
export interface LiveStandIn {
  key: Secret;
  secret: Secret;
  port: number;
  /** The exchange behind, for its controls: `/sim/*`. */
  exchange: string;
  /** PEM of the authority that clients have to trust. */
  authorityFile: string;
  /** What a Node process needs in its environment to find the stand-in under Alpaca's names. */
  env: { NODE_OPTIONS: string; NODE_EXTRA_CA_CERTS: string };
  /** What came in under Alpaca's names, oldest first. */
  seen: Seen[];
  /** A control of the exchange; throws where the answer is no success. */
  sim(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown>;
  close(): Promise<void>;
}

export async function startLiveStandIn(options: LiveStandInOptions = {}): Promise<LiveStandIn> {
  const exchange = await spawnExchange(options.flags ?? []);
  try {
    const folder = await mkdtemp(join(tmpdir(), 'papergate-live-'));
    const authorityFile = join(folder, 'authority.pem');
    const certificates = await makeCertificates(STAND_IN_HOSTS);
    await writeFile(authorityFile, certificates.authority);
    const liveKey = exchange.key.replace(/^P/, 'A');
    const proxy = await startLiveProxy({
      ...options,
      ...certificates,
      exchange: exchange.url,
      exchangeKey: exchange.key,
      liveKey,
    });
    return {
      key: new Secret(liveKey),
      secret: new Secret(exchange.secret),
      port: proxy.port,
      exchange: exchange.url,
      authorityFile,
      env: { NODE_OPTIONS: `--import ${REDIRECT.href}?port=${proxy.port}`, NODE_EXTRA_CA_CERTS: authorityFile },
      seen: proxy.seen,
      sim: (method, path, body) => control(`${exchange.url}${path}`, method, body),
      async close() {
        await proxy.close();
        await exchange.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await exchange.close();
    throw error;
  }
}

async function control(url: string, method: string, body: unknown): Promise<unknown> {
  const sent =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const answer = await fetch(url, { method, ...sent });
  const found: unknown = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${JSON.stringify(found)}`);
  return found;
}

/** The exchange in a process of its own. It dies with this one. */
async function spawnExchange(
  flags: readonly string[],
): Promise<{ url: string; key: string; secret: string; close(): Promise<void> }> {
  const child = spawn(
    process.execPath,
    [STANDALONE, '--port', '0', '--json', '--watch-stdin', '--rate-limit', '0', ...flags],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  const close = async (): Promise<void> => {
    child.stdin.end();
    await exited;
  };
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line').then(([text]) => String(text)),
    exited.then(() => undefined),
  ]);
  if (line === undefined) throw new Error('the exchange did not start; its own message is above');
  const { url = '', key = '', secret = '' } = JSON.parse(line) as Record<string, string>;
  if (!key.startsWith('PKIA')) return { url, key, secret, close };
  // As a live key it would have the shape of an AWS access key, which the policy does not let pass: draw another.
  await close();
  return spawnExchange(flags);
}
