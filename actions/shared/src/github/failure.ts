import { errorCode, ExternalError, messageOf, UserError, type PapergateError } from '@papergate/config';

/** How talking to GitHub's API can go wrong. */
export type GitHubFailureKind =
  | 'not-sent'
  | 'network'
  | 'timeout'
  | 'server'
  | 'rate-limited'
  | 'secondary-limit'
  | 'unauthorized'
  | 'forbidden'
  | 'single-sign-on'
  | 'not-found'
  | 'gone'
  | 'conflict'
  | 'refused'
  | 'answer'
  | 'too-large'
  | 'tls'
  | 'unexpected';

interface FailureRule {
  /**
   * `always`: the request had no effect and may work in a moment. `repeatable`: it may have had one, so only what can
   * be done twice is repeated. `never`: it would only be refused again.
   */
  retry: 'always' | 'repeatable' | 'never';
  code: string;
  /** The caller can mend it: exit 2; else the world is broken: exit 3. */
  blame: 'caller' | 'world';
  fix: string;
}

export const GITHUB_FAILURES: Readonly<Record<GitHubFailureKind, FailureRule>> = {
  'not-sent': {
    retry: 'always',
    code: 'GITHUB_UNREACHABLE',
    blame: 'world',
    fix: 'check GITHUB_API_URL, the network and the proxy between',
  },
  network: {
    retry: 'repeatable',
    code: 'GITHUB_UNREACHABLE',
    blame: 'world',
    fix: 'check the network and the proxy between; https://www.githubstatus.com shows what is known to GitHub',
  },
  timeout: {
    retry: 'repeatable',
    code: 'GITHUB_TIMEOUT',
    blame: 'world',
    fix: 'try again; https://www.githubstatus.com shows what is known to GitHub',
  },
  server: {
    retry: 'repeatable',
    code: 'GITHUB_UNAVAILABLE',
    blame: 'world',
    fix: 'try again when https://www.githubstatus.com shows it well',
  },
  'rate-limited': {
    retry: 'always',
    code: 'GITHUB_RATE_LIMITED',
    blame: 'world',
    fix: 'run again after that time; a token of a GitHub App has a limit of its own',
  },
  'secondary-limit': {
    retry: 'always',
    code: 'GITHUB_SLOWED_DOWN',
    blame: 'world',
    fix: 'run again in some minutes, with fewer jobs at once that use the same token',
  },
  unauthorized: {
    retry: 'never',
    code: 'GITHUB_UNAUTHORIZED',
    blame: 'caller',
    fix: 'give a token that is valid now: in a workflow ${{ github.token }}, on a machine GITHUB_TOKEN or GH_TOKEN',
  },
  forbidden: {
    retry: 'never',
    code: 'GITHUB_FORBIDDEN',
    blame: 'caller',
    fix: 'give the job, or the token, the permission that is named; docs/setup.md lists what each part needs',
  },
  'single-sign-on': {
    retry: 'never',
    code: 'GITHUB_SSO_REQUIRED',
    blame: 'caller',
    fix: 'authorize the token for the organization (github.com/settings/tokens, Configure SSO)',
  },
  'not-found': {
    retry: 'never',
    code: 'GITHUB_NOT_FOUND',
    blame: 'caller',
    fix: 'check the name; where it is right, the token may not see it: GitHub then says 404 too',
  },
  gone: {
    retry: 'never',
    code: 'GITHUB_GONE',
    blame: 'caller',
    fix: 'what was asked for was removed or has expired: make it anew',
  },
  conflict: {
    retry: 'never',
    code: 'GITHUB_CONFLICT',
    blame: 'world',
    fix: 'something else changed it at the same time: look at it, then run again',
  },
  refused: {
    retry: 'never',
    code: 'GITHUB_REFUSED',
    blame: 'caller',
    fix: 'mend what GitHub names; some protection needs a public repository or a larger plan',
  },
  answer: {
    retry: 'repeatable',
    code: 'GITHUB_ANSWER_INVALID',
    blame: 'world',
    fix: 'see that GITHUB_API_URL is an API of GitHub and nothing between changes its answers',
  },
  'too-large': {
    retry: 'never',
    code: 'GITHUB_ANSWER_INVALID',
    blame: 'world',
    fix: 'see that GITHUB_API_URL is an API of GitHub and nothing between changes its answers',
  },
  tls: {
    retry: 'never',
    code: 'GITHUB_TLS',
    blame: 'world',
    fix: 'let this machine trust the certificate (NODE_EXTRA_CA_CERTS), and see who stands between',
  },
  unexpected: {
    retry: 'never',
    code: 'GITHUB_UNEXPECTED',
    blame: 'world',
    fix: 'read what GitHub said above; if it is no API of GitHub, give the right GITHUB_API_URL',
  },
};

/** Something went wrong with GitHub; becomes a coded error where it leaves this folder. */
export class GitHubFailure extends Error {
  readonly kind: GitHubFailureKind;
  /** HTTP status; undefined where no answer came. */
  readonly status: number | undefined;
  /** How long GitHub asked us to wait, ms. */
  readonly waitMs: number | undefined;
  /** How often it was tried. */
  tries = 1;

  constructor(
    kind: GitHubFailureKind,
    message: string,
    options: { status?: number | undefined; waitMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'GitHubFailure';
    this.kind = kind;
    this.status = options.status;
    this.waitMs = options.waitMs;
  }

  /** Whether it is open if the request took effect: it was sent and no answer that can be read came back. */
  get isOutcomeUnknown(): boolean {
    return GITHUB_FAILURES[this.kind].retry === 'repeatable';
  }
}

/** The coded error of a failure, with what was being done. Other errors pass unchanged. */
export function codedGitHubError(error: unknown, doing: string): unknown {
  if (!(error instanceof GitHubFailure)) return error;
  const { code, blame, fix } = GITHUB_FAILURES[error.kind];
  const after = error.tries > 1 ? ` (tried ${error.tries} times)` : '';
  const details = { code, message: `${doing}: ${error.message}${after}`, fix, cause: error.cause };
  const coded: PapergateError = blame === 'caller' ? new UserError(details) : new ExternalError(details);
  return coded;
}

/** Nothing has reached the other side yet when these happen. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const TIMEOUTS = new Set(['ETIMEDOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);
const TLS_CODE = /^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|HOSTNAME_MISMATCH|EPROTO)/;

/** What a request means that ended without an answer. `timedOut`: by our own patience. */
export function failureOfThrown(error: unknown, host: string, timedOutMs?: number): GitHubFailure {
  if (error instanceof GitHubFailure) return error;
  if (timedOutMs !== undefined) {
    return new GitHubFailure('timeout', `${host} did not answer within ${timedOutMs / 1000} s`, { cause: error });
  }
  const code = errorCode(error) ?? '';
  const kind = NOT_SENT.has(code)
    ? 'not-sent'
    : TIMEOUTS.has(code)
      ? 'timeout'
      : TLS_CODE.test(code)
        ? 'tls'
        : 'network';
  return new GitHubFailure(kind, `${host}: ${messageOf(error)}`, { cause: error });
}
