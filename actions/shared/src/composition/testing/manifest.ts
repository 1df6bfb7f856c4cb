import { SERVICE_NAMES } from '@papergate/config';
import { sealManifest, type Manifest } from '../../release/manifest.ts';

/** A manifest with an image for every service and PostgreSQL; `image` names them. */
export function imagedManifest(
  image: (name: string) => { repository: string; digest: string } = (name) => ({
    repository: `registry.example/papergate/${name}`,
    digest: `sha256:${'0f'.repeat(32)}`,
  }),
): Manifest {
  const digest = `sha256:${'ab'.repeat(32)}`;
  return sealManifest({
    commit: '0123456789abcdef0123456789abcdef01234567',
    services: {},
    config_digest: digest,
    lockfile_digest: digest,
    schema_version: '0001_order-path',
    images: Object.fromEntries([...SERVICE_NAMES, 'postgres'].map((name) => [name, image(name)])),
  });
}
