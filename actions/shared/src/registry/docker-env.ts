import type { EnvSource } from '@papergate/config';
import { machineEnvironment } from '../supervisor/machine-env.ts';

/** Where docker and the credential helpers of the clouds look: addresses, folders, and access to a registry's own account. */
const NAMES =
  /^(DOCKER_|BUILDKIT_|XDG_|SSH_AUTH_SOCK$|GNUPGHOME$|PASSWORD_STORE_|DBUS_SESSION_BUS_ADDRESS$|AWS_|GOOGLE_|CLOUDSDK_|AZURE_|(HTTP|ALL)_PROXY$|(http|all)_proxy$)/;

/** The part of the caller's environment that docker and its credential helpers get: no secret of a service is in it. */
export function dockerEnvironment(env: EnvSource): Record<string, string> {
  const own = Object.entries(env).flatMap(([name, value]) =>
    NAMES.test(name) && value !== undefined ? [[name, value] as const] : [],
  );
  return { ...machineEnvironment(env), ...Object.fromEntries(own) };
}
