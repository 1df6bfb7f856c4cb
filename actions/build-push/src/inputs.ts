import { BASE_INPUTS, defineInputs, defineOutputs, REGISTRY_INPUTS } from '@papergate/delivery';

export const INPUTS = defineInputs({
  target: {
    kind: 'choice',
    of: ['compose', 'process'],
    default: 'compose',
    description:
      'For what it is built: compose makes images and pushes them; process makes the tree of the release on this machine, and pushes nothing.',
  },
  environment: {
    kind: 'choice',
    of: ['development', 'staging'],
    default: 'staging',
    description: 'For the report. The same images run in every environment.',
  },
  sha: { kind: 'commit', description: 'The commit that is built. Without it: that of the workflow.' },
  ...REGISTRY_INPUTS,
  'node-image': {
    kind: 'text',
    description: 'Base image of the services, repository@sha256:…. Without it: the official one.',
  },
  'postgres-image': {
    kind: 'text',
    description: 'Image of the database, repository@sha256:…. Without it: the official one.',
  },
  'build-args': {
    kind: 'lines',
    description:
      'Further build arguments, NAME=VALUE, one a line. They stay readable in the image: what looks like a secret is refused.',
  },
  sign: {
    kind: 'choice',
    of: ['auto', 'key', 'identity', 'none'],
    default: 'auto',
    description:
      'With what images, manifest, SBOM and provenance are signed: key is sign-key; identity is that of the workflow (permissions: id-token: write); auto is the key where there is one, else the identity, else unsigned.',
  },
  'sign-key': { kind: 'secret', description: 'Private key as "cosign generate-key-pair" writes it: the whole text.' },
  'sign-password': { kind: 'secret', description: 'Opens sign-key.' },
  attest: {
    kind: 'boolean',
    default: false,
    description:
      'true: a release whose SBOM and SLSA provenance nobody signs is refused before it is built. They are made and attached in any case.',
  },
  ...BASE_INPUTS,
});

export const OUTPUTS = defineOutputs({
  sha: 'The commit that was built, 40 digits.',
  manifest: 'Path of the manifest that names all of the release by digest.',
  'manifest-digest': 'Name of the release: sha256:… of its manifest.',
  images: 'JSON object: service to repository@sha256:…; empty for the target process.',
  reference: 'Where the manifest lies: HOST/NAMESPACE/release:COMMIT; empty for the target process.',
  subjects:
    'Path of a file with one line "<sha256>  <image>" for each image, as subject-checksums of actions/attest-build-provenance takes it; empty for the target process.',
  evidence: 'Folder of evidence of this release.',
  verdict: 'pass, block (what was built is not as it has to be) or failed.',
  'reason-code': 'Why not, for programs; empty on pass.',
});
