import type { EnvSource } from '@papergate/config';

/** What programs need of the machine they run on: paths, language, proxies, certificates. No secrets. */
const NAMES = [
  'PATH',
  'HOME',
  'USER',
  'LANG',
  'LC_ALL',
  'TMPDIR',
  'TEMP',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NODE_EXTRA_CA_CERTS',
  'HTTPS_PROXY',
  'https_proxy',
  'NO_PROXY',
  'no_proxy',
];

/** The part of our environment that every child gets; all else stays with us, so that no stray secret travels. */
export function machineEnvironment(env: EnvSource): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of NAMES) {
    const value = env[name];
    if (value !== undefined) found[name] = value;
  }
  return found;
}
