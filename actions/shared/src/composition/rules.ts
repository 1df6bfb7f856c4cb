import type { ComposeModel, ComposeService } from './model.ts';
import { variableName } from './names.ts';

export interface RuleBreach {
  service: string;
  /** Name of the rule: stable. */
  rule: string;
  message: string;
}

/** What the whole bundle may take of a staging host: 8 GB. */
export const MEMORY_BUDGET_BYTES = 8 * 1024 ** 3;
/** Size and number of a container's log files. */
const LOG_SIZE = '100m';
const LOG_FILES = '10';

/** Who may do more than the rest, and why. */
const ROOT: ReadonlySet<string> = new Set(['volumes', 'log-collector']);
const CAPABILITIES: Readonly<Record<string, readonly string[]>> = { volumes: ['CHOWN'] };
/** The only services that may ever be on the way out: prices, orders, alerts; `volumes` joins it to make it, and ends. */
/** They look no name up. */
const NO_NAMES: ReadonlySet<string> = new Set(['postgres']);
const OUTSIDE: ReadonlySet<string> = new Set(['market-data', 'execution-engine', 'alertmanager', 'volumes']);

type Rule = (name: string, service: ComposeService) => string | undefined;

const once = ({ restart }: ComposeService): boolean => restart === 'no';

const RULES: Readonly<Record<string, Rule>> = {
  digest: (_name, { image }) =>
    /^[a-z0-9.:/_-]+@sha256:[0-9a-f]{64}$/.test(image)
      ? undefined
      : `its image is ${JSON.stringify(image)}, not repository@sha256:…`,
  'no-build': (_name, service) => ('build' in service ? 'it is built on the host; images come by digest' : undefined),
  limits: (_name, { deploy }) => {
    const { limits, reservations } = deploy?.resources ?? {};
    if (limits?.cpus === undefined || limits.memory === undefined || limits.pids === undefined)
      return 'it has no limits of CPU, memory and processes';
    return reservations?.memory === undefined ? 'it reserves no memory' : undefined;
  },
  healthcheck: (_name, service) => {
    const { healthcheck: check } = service;
    if (once(service)) return undefined;
    if (check?.test === undefined || check.disable === true) return 'it has no health check';
    if (check.test[0] !== 'CMD') return 'its health check needs a shell; write ["CMD", …]';
    return check.start_period === undefined || check.start_interval === undefined
      ? 'its health check has no start_period and start_interval'
      : undefined;
  },
  logging: (_name, { logging }) =>
    logging?.driver === 'json-file' &&
    logging.options?.['max-size'] === LOG_SIZE &&
    logging.options['max-file'] === LOG_FILES
      ? undefined
      : `its logs are not rotated by json-file at ${LOG_SIZE} × ${LOG_FILES}`,
  'read-only': (_name, service) => (service.read_only === true ? undefined : 'its root file system can be written'),
  capabilities: (name, { cap_drop: drop, cap_add: add = [] }) => {
    if (drop?.includes('ALL') !== true) return 'it does not drop all capabilities';
    const more = add.filter((capability) => CAPABILITIES[name]?.includes(capability) !== true);
    return more.length === 0 ? undefined : `it adds the capabilities ${more.join(', ')}`;
  },
  privileges: (_name, { security_opt: options = [], privileged }) =>
    options.includes('no-new-privileges:true') && privileged !== true ? undefined : 'it may gain privileges',
  user: (name, { user = '' }) => {
    if (!/^\d+:\d+$/.test(user)) return `its user is ${JSON.stringify(user)}, not two numbers`;
    return user.startsWith('0:') && !ROOT.has(name) ? 'it runs as root' : undefined;
  },
  init: (_name, { init }) => (init === true ? undefined : 'nobody in it reaps processes (init)'),
  loopback: (_name, { ports = [] }) => {
    const open = ports.filter(({ host_ip: ip }) => ip !== '127.0.0.1');
    return open.length === 0
      ? undefined
      : `port ${open.map(({ target }) => target).join(', ')} is published beyond 127.0.0.1`;
  },
  namespaces: (_name, { network_mode: network, pid, ipc }) =>
    network === undefined && pid === undefined && (ipc === undefined || ipc === 'private')
      ? undefined
      : 'it shares a namespace of the host or of another container',
  outside: (name, { networks = {} }) =>
    'egress' in networks && !OUTSIDE.has(name) ? 'it is on the way out (egress) and has no business there' : undefined,
  names: (name, { networks = {}, dns = [] }) =>
    'ports' in networks && !('egress' in networks) && !NO_NAMES.has(name) && dns.join() !== '127.0.0.1'
      ? 'it asks name servers whose answers cannot reach it, and waits for them (dns)'
      : undefined,
  mounts: (_name, { volumes = [] }) => {
    const writable = volumes.filter(({ type, read_only: only }) => type === 'bind' && only !== true);
    if (writable.length > 0) return `it may write ${writable.map(({ source }) => source).join(', ')} on the host`;
    const socket = volumes.find(({ source = '' }) => /docker\.sock|containerd\.sock/.test(source));
    return socket === undefined ? undefined : 'it has the engine’s socket, which is root on the host';
  },
  'bus-keys': (name, { secrets = [] }) => {
    const own = `BUS_KEY_${variableName(name)}`;
    const foreign = secrets.find(({ source }) => source.startsWith('BUS_') && source !== own);
    return foreign === undefined
      ? undefined
      : `it is given ${foreign.source}; a service has the keys of its own sockets alone`;
  },
  'secrets-as-files': (_name, { environment = {} }) => {
    const held = Object.entries(environment).find(([name, value]) => isSecret(name, value ?? ''));
    return held === undefined ? undefined : `its environment holds ${held[0]}; secrets are files`;
  },
  stops: (_name, service) =>
    (service.stop_grace_period ?? '') === '' && !once(service) ? 'it has no stop_grace_period' : undefined,
  restarts: (_name, { restart }) =>
    restart === 'unless-stopped' || restart === 'no' ? undefined : `its restart policy is ${JSON.stringify(restart)}`,
  labels: (name, { labels = {} }) =>
    labels['com.papergate.service'] === name && labels['com.papergate.project'] !== undefined
      ? undefined
      : 'it does not say by its labels whose it is',
};

/** A name that secrets go by, unless it names a file; or an address with a password in it. */
function isSecret(name: string, value: string): boolean {
  if (/(?:PASSWORD|SECRET|TOKEN|KEY|DATABASE_URL)/.test(name) && !name.endsWith('_FILE')) return true;
  return /:\/\/[^/@\s]*:[^/@\s]+@/.test(value);
}

/** Everything in which a rendered bundle is not as every bundle of ours is to be; none where it is. Pure. */
export function breaches(model: ComposeModel): RuleBreach[] {
  const found = Object.entries(model.services).flatMap(([service, definition]) =>
    Object.entries(RULES).flatMap(([rule, check]): RuleBreach[] => {
      const message = check(service, definition);
      return message === undefined ? [] : [{ service, rule, message: `${service}: ${message}` }];
    }),
  );
  const bundle = (rule: string, message: string): RuleBreach => ({ service: '', rule, message });
  const memory = sumOfMemory(model);
  if (memory > MEMORY_BUDGET_BYTES) {
    found.push(bundle('memory', `the limits add up to ${(memory / 1024 ** 3).toFixed(2)} GiB, more than 8`));
  }
  const { backplane, ports } = model.networks ?? {};
  if (backplane?.internal !== true) found.push(bundle('backplane', 'the network backplane is not internal'));
  if (ports?.driver_opts?.['com.docker.network.bridge.enable_ip_masquerade'] !== 'false') {
    found.push(bundle('ports', 'the network ports leads outside'));
  }
  for (const [name, { file }] of Object.entries(model.secrets ?? {})) {
    if (typeof file !== 'string') found.push(bundle('secrets-as-files', `the secret ${name} is no file`));
  }
  return found;
}

/** Bytes that all containers together may take. */
export function sumOfMemory(model: ComposeModel): number {
  return Object.values(model.services).reduce(
    (sum, { deploy }) => sum + Number(deploy?.resources?.limits?.memory ?? 0),
    0,
  );
}
