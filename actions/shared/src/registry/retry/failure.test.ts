import { describe, expect, test } from '@jest/globals';
import { ExternalError, UserError } from '@papergate/config';
import { classifyStatus, classifyThrown, classifyWords, codedError, FAILURES, RegistryFailure } from './failure.ts';

describe('the table of failures', () => {
  test('retries what may go away by itself, and nothing else', () => {
    const retried = Object.entries(FAILURES).flatMap(([kind, { retry }]) => (retry ? [kind] : []));
    expect(retried.sort()).toEqual(['network', 'not-visible', 'rate-limited', 'server', 'timeout', 'upload-lost']);
  });

  test('says of each what to do, and whose it is', () => {
    for (const [kind, { code, blame, fix }] of Object.entries(FAILURES)) {
      const error = codedError(new RegistryFailure(kind as keyof typeof FAILURES, 'words'), 'push of x', 3);
      expect(error).toBeInstanceOf(blame === 'caller' ? UserError : ExternalError);
      expect(error).toMatchObject({ code, fix, message: 'push of x: words (tried 3 times)' });
      expect(fix).not.toBe('');
    }
  });

  test('leaves other errors as they are', () => {
    const other = new Error('other');
    expect(codedError(other, 'push')).toBe(other);
  });
});

describe('an answer of a registry', () => {
  test.each([
    [401, [], 'unauthorized'],
    [403, ['DENIED'], 'denied'],
    [404, ['NAME_UNKNOWN'], 'name-invalid'],
    [400, ['NAME_INVALID'], 'name-invalid'],
    [400, ['MANIFEST_INVALID'], 'manifest-invalid'],
    [400, ['MANIFEST_BLOB_UNKNOWN'], 'manifest-invalid'],
    [404, ['BLOB_UPLOAD_UNKNOWN'], 'upload-lost'],
    [408, [], 'timeout'],
    [413, [], 'too-large'],
    [429, ['TOOMANYREQUESTS'], 'rate-limited'],
    [500, [], 'server'],
    [502, [], 'server'],
    [503, ['UNKNOWN'], 'server'],
    [418, [], 'unexpected'],
  ] as const)('of %d %j is "%s"', (status, codes, kind) => {
    expect(classifyStatus(status, codes)).toBe(kind);
  });
});

describe('a failed request', () => {
  test.each([
    ['ECONNRESET', 'network'],
    ['ECONNREFUSED', 'network'],
    ['ENOTFOUND', 'network'],
    ['EAI_AGAIN', 'network'],
    ['UND_ERR_SOCKET', 'network'],
    ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
    ['UND_ERR_HEADERS_TIMEOUT', 'timeout'],
    ['ETIMEDOUT', 'timeout'],
    ['CERT_HAS_EXPIRED', 'tls'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
    ['ERR_INVALID_URL', 'unexpected'],
  ])('with %s is "%s"', (code, kind) => {
    expect(classifyThrown(new Error('words'), code)).toBe(kind);
  });

  test('a body that ends too early is the network’s', () => {
    expect(classifyThrown(new TypeError('terminated'), undefined)).toBe('network');
  });
});

// As Docker 20 to 28 words them.
describe('what `docker push` says', () => {
  test.each([
    ['Get "https://ghcr.io/v2/": dial tcp: lookup ghcr.io: no such host', 'network'],
    ['write tcp 10.0.0.2:33872->140.82.121.33:443: write: connection reset by peer', 'network'],
    ['Put "http://127.0.0.1:5000/v2/x/blobs/uploads/1": EOF', 'network'],
    [
      'failed to do request: Head "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
      'network',
    ],
    ['net/http: TLS handshake timeout', 'timeout'],
    [
      'Get "https://x/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded)',
      'timeout',
    ],
    ['dial tcp 10.0.0.1:443: i/o timeout', 'timeout'],
    ['received unexpected HTTP status: 500 Internal Server Error', 'server'],
    ['received unexpected HTTP status: 503 Service Unavailable', 'server'],
    ['unexpected status from PUT request to https://x/v2/a/manifests/1: 502 Bad Gateway', 'server'],
    ['toomanyrequests: retry-after: 1s, allowed: 2000/minute', 'rate-limited'],
    ['received unexpected HTTP status: 429 Too Many Requests', 'rate-limited'],
    ['unauthorized: authentication required', 'unauthorized'],
    ['no basic auth credentials', 'unauthorized'],
    ['denied: requested access to the resource is denied', 'denied'],
    ['denied: permission_denied: write_package', 'denied'],
    ['unexpected status from POST request to https://x/v2/a/blobs/uploads/: 403 Forbidden', 'denied'],
    ["error parsing HTTP 403 response body: invalid character '<'", 'denied'],
    [
      'error parsing HTTP 413 response body: invalid character \'<\': "<html><center><h1>413 Request Entity Too Large"',
      'too-large',
    ],
    ['name invalid: invalid repository name', 'name-invalid'],
    ['invalid reference format: repository name must be lowercase', 'name-invalid'],
    ["name unknown: The repository with name 'x' does not exist in the registry", 'name-invalid'],
    ['manifest invalid: manifest invalid', 'manifest-invalid'],
    ['manifest blob unknown: blob unknown to registry', 'manifest-invalid'],
    ['blob upload unknown', 'upload-lost'],
    ['tls: failed to verify certificate: x509: certificate signed by unknown authority', 'tls'],
    ['http: server gave HTTP response to HTTPS client', 'tls'],
    [
      'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
      'engine-away',
    ],
    ['An image does not exist locally with the tag: 127.0.0.1:5000/x', 'image-missing'],
    ['Error response from daemon: No such image: sha256:abc', 'image-missing'],
    ['something nobody has ever seen', 'unexpected'],
  ] as const)('"%s" is "%s"', (words, kind) => {
    expect(classifyWords(words)).toBe(kind);
  });
});
