import {
  openPrometheus,
  PrivateFolder,
  sshHost,
  sshKeyText,
  type Host,
  type PrometheusReader,
} from '@papergate/delivery';
import { UserError } from '@papergate/config';
import type { GateJob } from './gate.ts';

/** Where the bundle's own Prometheus listens on its host. */
const ON_HOST = 'http://127.0.0.1:9091';

export interface Watch {
  /** Undefined where the job names none. */
  reader: PrometheusReader | undefined;
  close(): Promise<void>;
}

/**
 * The Prometheus that the inputs name: by its address, or on the loopback of a machine behind SSH, to which a tunnel is
 * opened with the first question.
 * @throws UserError INPUT_INVALID, PROMETHEUS_URL_INVALID, HOST_ADDRESS_INVALID, SSH_KEY_INVALID
 */
export function openWatch(job: Pick<GateJob, 'inputs' | 'env' | 'context' | 'signal' | 'saveState'>): Watch {
  const { inputs, env, context, signal, saveState } = job;
  const { host: address, 'prometheus-url': url, 'prometheus-token': token } = inputs;
  if (address === undefined) {
    if (url === undefined) return { reader: undefined, close: () => Promise.resolve() };
    const reader = openPrometheus({ url, token, env, signal });
    return { reader, close: reader.close };
  }
  const there = new URL(loopback(url ?? ON_HOST));
  const folder = new PrivateFolder(context);
  saveState('folder', folder.dir);
  let host: Host | undefined;
  let opened: Promise<ReturnType<typeof openPrometheus>> | undefined;
  const close = async (): Promise<void> => {
    try {
      await (await opened?.catch(() => undefined))?.close();
      await host?.close();
    } finally {
      folder.remove();
    }
  };
  try {
    const { 'ssh-key': key, 'known-hosts': knownHosts } = inputs;
    host = sshHost({
      url: address,
      ...(key === undefined ? {} : { identity: folder.write('ssh-key', sshKeyText(key)) }),
      ...(knownHosts === undefined ? {} : { knownHosts: folder.write('known_hosts', `${knownHosts}\n`) }),
      env,
    });
  } catch (error) {
    folder.remove();
    throw error;
  }
  const open = async (from: Host): Promise<ReturnType<typeof openPrometheus>> => {
    const local = new URL(there);
    local.port = String(await from.forward(Number(there.port || 80)));
    return openPrometheus({ url: local.href, token, env, signal });
  };
  const through = host;
  const reader = (): NonNullable<typeof opened> => (opened ??= open(through));
  return {
    reader: {
      now: async () => (await reader()).now(),
      range: async (query, range) => (await reader()).range(query, range),
      alertRules: async () => (await reader()).alertRules(),
    },
    close,
  };
}

function loopback(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === 'http:' && ['127.0.0.1', 'localhost'].includes(parsed.hostname)) {
    parsed.hostname = '127.0.0.1';
    return parsed.href;
  }
  throw new UserError({
    code: 'INPUT_INVALID',
    message: `the input prometheus-url is ${JSON.stringify(url.slice(0, 100))}, allowed together with host: http://127.0.0.1:<port>, as that machine sees it`,
    fix: `leave it out for ${ON_HOST}, or leave host out where Prometheus can be reached from here`,
  });
}
