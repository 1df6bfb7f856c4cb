import { ExternalError, messageOf, type PapergateError, UserError } from '@papergate/config';

/** How talking to a registry, or an engine's push to it, can go wrong. */
export type FailureKind =
  | 'network'
  | 'timeout'
  | 'server'
  | 'rate-limited'
  | 'upload-lost'
  | 'not-visible'
  | 'unauthorized'
  | 'denied'
  | 'name-invalid'
  | 'too-large'
  | 'manifest-invalid'
  | 'content'
  | 'tls'
  | 'engine-away'
  | 'image-missing'
  | 'unexpected';

interface FailureRule {
  /** Whether the same request may work in a moment. */
  retry: boolean;
  code: string;
  /** The caller can mend it: exit 2; else the world is broken: exit 3. */
  blame: 'caller' | 'world';
  fix: string;
}

/**
 * The table of failures. What is retried could go away by itself; what is not would only be refused again, and
 * with a wrong password each further try can lock the account.
 */
export const FAILURES: Readonly<Record<FailureKind, FailureRule>> = {
  network: {
    retry: true,
    code: 'REGISTRY_UNREACHABLE',
    blame: 'world',
    fix: 'check the address, that the registry runs, and the network and proxy between',
  },
  timeout: {
    retry: true,
    code: 'REGISTRY_UNREACHABLE',
    blame: 'world',
    fix: 'check that the registry is not overloaded, and the network and proxy between',
  },
  server: {
    retry: true,
    code: 'REGISTRY_BROKEN',
    blame: 'world',
    fix: 'look at the registry’s log or its status page, then try again',
  },
  'rate-limited': {
    retry: true,
    code: 'REGISTRY_RATE_LIMITED',
    blame: 'world',
    fix: 'wait until the registry’s limit is over, or log in where anonymous use is limited',
  },
  'upload-lost': {
    retry: true,
    code: 'REGISTRY_UPLOAD_LOST',
    blame: 'world',
    fix: 'the registry forgot uploads that were under way; where several run behind one address they need shared storage',
  },
  'not-visible': {
    retry: true,
    code: 'REGISTRY_NOT_STORED',
    blame: 'world',
    fix: 'the registry accepted a push and does not show it; look at its log and its storage',
  },
  unauthorized: {
    retry: false,
    code: 'REGISTRY_UNAUTHORIZED',
    blame: 'caller',
    fix: 'log in with "docker login <registry>"; for ghcr.io with a token that has write:packages',
  },
  denied: {
    retry: false,
    code: 'REGISTRY_DENIED',
    blame: 'caller',
    fix: 'give the account the right to write there (ghcr.io: packages: write), or choose another --registry',
  },
  'name-invalid': {
    retry: false,
    code: 'REGISTRY_NAME_INVALID',
    blame: 'caller',
    fix: 'give a namespace that the registry has: lower-case letters, digits and . _ - between slashes',
  },
  'too-large': {
    retry: false,
    code: 'REGISTRY_TOO_LARGE',
    blame: 'caller',
    fix: 'raise the limit of the registry, or of the proxy before it, above the size of the largest layer',
  },
  'manifest-invalid': {
    retry: false,
    code: 'REGISTRY_REFUSED',
    blame: 'world',
    fix: 'use a registry that stores OCI image manifests (docker-registry 2.7 or newer, ghcr.io, …)',
  },
  content: {
    retry: false,
    code: 'REGISTRY_CONTENT_WRONG',
    blame: 'world',
    fix: 'the registry or something before it changes content; do not deploy from it until that is explained',
  },
  tls: {
    retry: false,
    code: 'REGISTRY_TLS',
    blame: 'world',
    fix: 'give the registry a certificate that this machine trusts; plain http is used for loopback only',
  },
  'engine-away': {
    retry: false,
    code: 'DOCKER_MISSING',
    blame: 'world',
    fix: 'install and start Docker, or point DOCKER_HOST at an engine that runs',
  },
  'image-missing': {
    retry: false,
    code: 'IMAGE_MISSING',
    blame: 'caller',
    fix: 'build the images of the release first',
  },
  unexpected: {
    retry: false,
    code: 'REGISTRY_UNEXPECTED',
    blame: 'world',
    fix: 'read what the registry said above; if it is no registry, give the right address',
  },
};

/** Something went wrong with a registry; becomes a coded error where it leaves this folder. */
export class RegistryFailure extends Error {
  readonly kind: FailureKind;
  /** What the registry asked us to wait, ms. */
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: FailureKind,
    message: string,
    options: { retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RegistryFailure';
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The coded error of a failure, with what was being done: `push of …`. Other errors pass unchanged. */
export function codedError(error: unknown, doing: string, tries = 1): unknown {
  if (!(error instanceof RegistryFailure)) return error;
  const { code, blame, fix } = FAILURES[error.kind];
  const after = tries > 1 ? ` (tried ${tries} times)` : '';
  const details = { code, message: `${doing}: ${error.message}${after}`, fix, cause: error.cause };
  const coded: PapergateError = blame === 'caller' ? new UserError(details) : new ExternalError(details);
  return coded;
}

const NETWORK_CODES = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_SOCKET',
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_PRX_TLS',
  'HPE_INVALID_CONSTANT',
  'HPE_INVALID_EOF_STATE',
]);
const TIMEOUT_CODES = new Set([
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);
const TLS_CODE = /^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|HOSTNAME_MISMATCH|EPROTO)/;

/** What a thrown error of `fetch` means. `code` is the system's, see `errorCode`. */
export function classifyThrown(error: unknown, code: string | undefined): FailureKind {
  if ((error as { name?: unknown } | undefined)?.name === 'TimeoutError') return 'timeout';
  if (code !== undefined) {
    if (NETWORK_CODES.has(code)) return 'network';
    if (TIMEOUT_CODES.has(code)) return 'timeout';
    if (TLS_CODE.test(code)) return 'tls';
  }
  // undici words a cut connection differently from place to place; TypeError "fetch failed"/"terminated" are its covers.
  return /terminated|other side closed|socket|fetch failed|aborted/i.test(messageOf(error)) ? 'network' : 'unexpected';
}

/** What a status of the distribution API means, with the spec's error codes (`NAME_INVALID`, …) where the body has them. */
export function classifyStatus(status: number, codes: readonly string[] = []): FailureKind {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'denied';
  if (status === 429 || codes.includes('TOOMANYREQUESTS')) return 'rate-limited';
  if (status === 408) return 'timeout';
  if (status === 413 || codes.includes('SIZE_INVALID')) return 'too-large';
  if (status >= 500) return 'server';
  if (codes.includes('BLOB_UPLOAD_UNKNOWN') || codes.includes('BLOB_UPLOAD_INVALID')) return 'upload-lost';
  if (codes.includes('NAME_INVALID') || codes.includes('NAME_UNKNOWN')) return 'name-invalid';
  if (codes.includes('DENIED')) return 'denied';
  if (codes.includes('UNAUTHORIZED')) return 'unauthorized';
  if (codes.some((code) => /^(MANIFEST|BLOB|TAG)_|^(DIGEST_INVALID|UNSUPPORTED)$/.test(code)))
    return 'manifest-invalid';
  if (status === 404 || status === 405) return 'name-invalid';
  if (status === 400 || status === 415) return 'manifest-invalid';
  return 'unexpected';
}

/** In this order: the most certain words first, since the engine wraps one message into another. */
const WORDS: readonly (readonly [RegExp, FailureKind])[] = [
  [/cannot connect to the docker daemon|error during connect|is the docker daemon running/i, 'engine-away'],
  [/no such image|does not exist locally|image .* not found/i, 'image-missing'],
  [/toomanyrequests|too many requests|\b429\b/i, 'rate-limited'],
  [/(status(?: code)?:?|HTTP) 413|entity too large|size_invalid/i, 'too-large'],
  [
    /(status(?: code)?:?|HTTP|status from \w+ request to \S+:) 5\d\d|internal server error|bad gateway|service unavailable|gateway time-?out/i,
    'server',
  ],
  [/x509|certificate|tls: (?!.*timeout)|server gave http response to https client/i, 'tls'],
  [/i\/o timeout|tls handshake timeout|deadline exceeded|client\.timeout|timed? ?out/i, 'timeout'],
  [/blob upload (unknown|invalid)/i, 'upload-lost'],
  [
    /connection re(set|fused)|broken pipe|\bEOF\b|no such host|unreachable|no route to host|temporary failure|server misbehaving|use of closed/i,
    'network',
  ],
  [
    /unauthorized|authentication required|no basic auth credentials|incorrect username or password|(status(?: code)?:?|HTTP) 401/i,
    'unauthorized',
  ],
  [/denied|forbidden|(status(?: code)?:?|HTTP) 403|insufficient_scope/i, 'denied'],
  [/name (invalid|unknown)|invalid reference format|repository name|(status(?: code)?:?|HTTP) 40[45]/i, 'name-invalid'],
  [
    /manifest (invalid|unverified|unknown|blob unknown)|blob unknown|unsupported|digest invalid|tag invalid|(status(?: code)?:?|HTTP) 400/i,
    'manifest-invalid',
  ],
];

/** What the words of `docker push` mean: the engine gives no codes. */
export function classifyWords(words: string): FailureKind {
  return WORDS.find(([pattern]) => pattern.test(words))?.[1] ?? 'unexpected';
}
