import { expect } from '@jest/globals';
import { pushImages } from '../push/images.ts';
import type { ImageEngine } from '../push/engine.ts';
import type { RetryPolicy } from '../retry/schedule.ts';
import { startFaultProxy, type FaultRule } from './fault-proxy.ts';

/** A push through a registry that misbehaves, and how it must end. */
export interface PushCase {
  title: string;
  rules: readonly FaultRule[];
  /** Code of the error; absent where the push must succeed. */
  code?: string;
  exitCode?: number;
  /** Pauses between tries, by what had failed; of half the ceiling, on top of what the registry asked for. */
  pauses: readonly number[];
  /** What must be in the message. */
  words?: RegExp;
}

const POLICY: RetryPolicy = { tries: 4, baseMs: 100, capMs: 1000, retryAfterMaxMs: 60_000 };
const COMMIT = 'c0ffee'.padEnd(40, '0');
const MANIFESTS = /\/manifests\//;

export const PUSH_CASES: readonly PushCase[] = [
  { title: 'a registry without faults', rules: [], pauses: [] },
  {
    title: 'two answers of 500, then good ones',
    rules: [{ method: 'PUT', path: MANIFESTS, times: 2, fault: { kind: 'status', status: 500 } }],
    pauses: [50, 100],
  },
  {
    title: 'a connection that is reset before the manifest is stored',
    rules: [{ method: 'PUT', path: MANIFESTS, times: 1, fault: { kind: 'reset' } }],
    pauses: [50],
  },
  {
    title: '429, with the time to wait',
    rules: [
      { method: 'PUT', path: MANIFESTS, times: 1, fault: { kind: 'status', status: 429 } },
      // The engine does not tell how long; it is asked for. The first look is the engine's own.
      { path: /^\/v2\/$/, after: 1, times: 1, fault: { kind: 'status', status: 429, headers: { 'retry-after': '3' } } },
    ],
    pauses: [3050],
  },
  {
    title: 'a manifest that is not there yet when it is read back',
    rules: [{ method: 'HEAD', path: MANIFESTS, times: 1, fault: { kind: 'status', status: 404 } }],
    pauses: [50],
  },
  {
    title: 'a digest that can never be read back: as many tries as are allowed, and not the square of them',
    rules: [{ method: 'HEAD', path: MANIFESTS, fault: { kind: 'reset' } }],
    code: 'REGISTRY_UNREACHABLE',
    exitCode: 3,
    pauses: [50, 100, 200],
  },
  {
    title: '500 for ever',
    rules: [{ method: 'PUT', path: MANIFESTS, fault: { kind: 'status', status: 500 } }],
    code: 'REGISTRY_BROKEN',
    exitCode: 3,
    pauses: [50, 100, 200],
    words: /500.*\(tried 4 times\)$/,
  },
  {
    title: '403',
    rules: [{ method: 'PUT', path: MANIFESTS, fault: { kind: 'status', status: 403 } }],
    code: 'REGISTRY_DENIED',
    exitCode: 2,
    pauses: [],
    words: /^push of 127\.0\.0\.1:\d+\/\S+:c0ffee/,
  },
  {
    title: '413 of a proxy before it',
    rules: [
      {
        method: 'PUT',
        path: MANIFESTS,
        fault: { kind: 'status', status: 413, body: '<html><h1>413 Request Entity Too Large</h1></html>' },
      },
    ],
    code: 'REGISTRY_TOO_LARGE',
    exitCode: 2,
    pauses: [],
  },
  {
    title: 'a manifest that it does not take',
    rules: [
      {
        method: 'PUT',
        path: MANIFESTS,
        fault: {
          kind: 'status',
          status: 400,
          headers: { 'content-type': 'application/json' },
          body: '{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid"}]}',
        },
      },
    ],
    code: 'REGISTRY_REFUSED',
    exitCode: 3,
    pauses: [],
  },
  {
    title: 'another digest than the engine pushed',
    rules: [
      {
        method: 'HEAD',
        path: MANIFESTS,
        fault: { kind: 'changed', headers: { 'docker-content-digest': `sha256:${'1'.repeat(64)}` } },
      },
    ],
    code: 'PUSH_DIGEST_MISMATCH',
    exitCode: 3,
    pauses: [],
    words: /the engine pushed .* as sha256:[0-9a-f]{64}, and the registry has sha256:1{64} there/,
  },
];

export interface PushBench {
  /** Address of the registry behind the faults. */
  target: string;
  /** Path below it that nobody else uses. */
  namespace: string;
  engine: ImageEngine;
  imageId: string;
  /** For the engine and our own requests. */
  env: Record<string, string>;
}

export async function checkPush(one: PushCase, bench: PushBench): Promise<void> {
  const proxy = await startFaultProxy(bench.target);
  const pauses: number[] = [];
  const sleep = (ms: number): Promise<void> => {
    pauses.push(ms);
    return Promise.resolve();
  };
  const registry = `${proxy.address}/${bench.namespace}`;
  for (const rule of one.rules) proxy.fail(rule);
  try {
    const pushed = pushImages({
      images: { service: bench.imageId },
      registry,
      commit: COMMIT,
      env: bench.env,
      engine: bench.engine,
      policy: POLICY,
      random: () => 0.5,
      sleep,
    });
    if (one.code === undefined) {
      const { service } = await pushed;
      expect(service).toMatchObject({ repository: `${registry}/service` });
      const stored = await fetch(`http://${bench.target}/v2/${bench.namespace}/service/manifests/${COMMIT}`, {
        method: 'HEAD',
        headers: { accept: 'application/vnd.docker.distribution.manifest.v2+json' },
      });
      expect(stored.headers.get('docker-content-digest')).toBe(service?.digest);
    } else {
      await expect(pushed).rejects.toMatchObject({
        code: one.code,
        exitCode: one.exitCode,
        message: expect.stringMatching(one.words ?? /^push of /),
        fix: expect.stringMatching(/./),
      });
    }
    expect(pauses).toEqual(one.pauses);
  } finally {
    await proxy.close();
  }
}
