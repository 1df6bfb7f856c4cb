/** A program from outside that delivery needs, in the one version with which it was tried. */
export interface ToolPin {
  name: string;
  version: string;
  /** Arguments that make it say its version, and where in the answer the version stands. */
  versionArgs: readonly string[];
  versionPattern: RegExp;
  /** The official release: folder URL, archive and checksums file in it. Undefined where none is made for the machine. */
  release(platform: string, arch: string): ReleaseFiles | undefined;
  /** How to build it: `go build <package>` in a module of this repository whose go.sum pins every source. Undefined where Go cannot. */
  go?: { module: string; package: string };
  /** For people: where to get it by hand. */
  homepage: string;
}

export interface ReleaseFiles {
  base: string;
  archive: string;
  /** The release's own list of checksums, or, where it has none, the digest that is written down here. */
  checksums: string | { sha256: string };
  /** The program inside the archive. */
  member: string;
}

const K6_VERSION = '2.2.0';
const K6_PLATFORMS: Readonly<Record<string, string>> = { linux: 'linux', darwin: 'macos' };
const K6_ARCHS: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

export const K6: ToolPin = {
  name: 'k6',
  version: K6_VERSION,
  versionArgs: ['version'],
  versionPattern: /\bk6(?:\.exe)? v?(\d+\.\d+\.\d+)/,
  release: (platform, arch) => {
    const os = K6_PLATFORMS[platform];
    const cpu = K6_ARCHS[arch];
    if (os === undefined || cpu === undefined) return undefined;
    const stem = `k6-v${K6_VERSION}-${os}-${cpu}`;
    return {
      base: `https://github.com/grafana/k6/releases/download/v${K6_VERSION}`,
      archive: os === 'linux' ? `${stem}.tar.gz` : `${stem}.zip`,
      // The digests are not written down here: the archive is held against the checksums that the release itself
      // carries, both over https from the same place. That finds damage, not a release that was replaced; the
      // version it names is asked for after unpacking, and the build from source is pinned by go.sum.
      checksums: `k6-v${K6_VERSION}-checksums.txt`,
      member: `${stem}/k6`,
    };
  },
  go: { module: 'loadtests/k6', package: 'go.k6.io/k6/v2' },
  homepage: `https://github.com/grafana/k6/releases/tag/v${K6_VERSION}`,
};

const ACT_VERSION = '0.2.89';
const ACT_PLATFORMS: Readonly<Record<string, string>> = { linux: 'Linux', darwin: 'Darwin' };
const ACT_ARCHS: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'arm64' };

/** Runs workflow files on this machine. */
export const ACT: ToolPin = {
  name: 'act',
  version: ACT_VERSION,
  versionArgs: ['--version'],
  versionPattern: /\bact version (\d+\.\d+\.\d+)/,
  release: (platform, arch) => {
    const os = ACT_PLATFORMS[platform];
    const cpu = ACT_ARCHS[arch];
    if (os === undefined || cpu === undefined) return undefined;
    return {
      base: `https://github.com/nektos/act/releases/download/v${ACT_VERSION}`,
      archive: `act_${os}_${cpu}.tar.gz`,
      checksums: 'checksums.txt',
      member: 'act',
    };
  },
  go: { module: 'actions/shared/src/tools/go/act', package: 'github.com/nektos/act' },
  homepage: `https://github.com/nektos/act/releases/tag/v${ACT_VERSION}`,
};

const ACTIONLINT_VERSION = '1.7.12';
const GO_ARCHS: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Checks workflow files: syntax, expressions, shell scripts' inputs. */
export const ACTIONLINT: ToolPin = {
  name: 'actionlint',
  version: ACTIONLINT_VERSION,
  versionArgs: ['-version'],
  // The release says "1.7.12", one that was built from its module "v1.7.12".
  versionPattern: /^v?(\d+\.\d+\.\d+)$/m,
  release: (platform, arch) => {
    const cpu = GO_ARCHS[arch];
    if (cpu === undefined || (platform !== 'linux' && platform !== 'darwin')) return undefined;
    return {
      base: `https://github.com/rhysd/actionlint/releases/download/v${ACTIONLINT_VERSION}`,
      archive: `actionlint_${ACTIONLINT_VERSION}_${platform}_${cpu}.tar.gz`,
      checksums: `actionlint_${ACTIONLINT_VERSION}_checksums.txt`,
      member: 'actionlint',
    };
  },
  go: {
    module: 'actions/shared/src/tools/go/actionlint',
    package: 'github.com/rhysd/actionlint/cmd/actionlint',
  },
  homepage: `https://github.com/rhysd/actionlint/releases/tag/v${ACTIONLINT_VERSION}`,
};

const ZIZMOR_VERSION = '1.32.0';

/** Wheels of zizmor on PyPI (https://pypi.org/simple/zizmor/): the folder that PyPI keeps each in, its platform, its sha256. */
const ZIZMOR_WHEELS: Readonly<Record<string, { folder: string; tag: string; sha256: string }>> = {
  'linux-x64': {
    folder: '6f/b2/45f4fcb6f428e774750709ecf5320ba6d96393c03b941d9f37a4586f6924',
    tag: 'manylinux_2_28_x86_64',
    sha256: '84a6acb975accc13408786a2bd274b572537ca19c933ebbc13e78f3988562071',
  },
  'linux-arm64': {
    folder: 'be/18/8d66db6e98c89f5d647236e282062d8ccc73f7ba759f7ef8dd6204683518',
    tag: 'manylinux_2_24_aarch64',
    sha256: '0cdd38fca6eb34ceb567548548d706332e3535ea66894b9168c048e03207b68c',
  },
  'darwin-x64': {
    folder: '98/19/e5eeae31466ee7fe7919050bca7993ecade4878801cd2174d05b1c2da166',
    tag: 'macosx_10_12_x86_64',
    sha256: 'aa4b4e216321dd5cf202cd79fc83296468f0eed79d850cd65ac8187a6bbc5496',
  },
  'darwin-arm64': {
    folder: 'cd/68/a258299c0fdb3c266c2df0d422da6380df5602c6b0373af3fbe461231290',
    tag: 'macosx_11_0_arm64',
    sha256: '0a999c98015becd9f69919ce01febadfb1c2be9b8ec2ce9ef7eb13ff23ba8eba',
  },
};

/** Looks for what can be abused in workflow files. A program of its own inside a Python wheel: no Python is needed. */
export const ZIZMOR: ToolPin = {
  name: 'zizmor',
  version: ZIZMOR_VERSION,
  versionArgs: ['--version'],
  versionPattern: /\bzizmor (\d+\.\d+\.\d+)/,
  release: (platform, arch) => {
    const wheel = ZIZMOR_WHEELS[`${platform}-${arch}`];
    if (wheel === undefined) return undefined;
    return {
      base: `https://files.pythonhosted.org/packages/${wheel.folder}`,
      archive: `zizmor-${ZIZMOR_VERSION}-py3-none-${wheel.tag}.whl`,
      checksums: { sha256: wheel.sha256 },
      member: `zizmor-${ZIZMOR_VERSION}.data/scripts/zizmor`,
    };
  },
  homepage: `https://pypi.org/project/zizmor/${ZIZMOR_VERSION}/`,
};

export const TOOLS = { k6: K6, act: ACT, actionlint: ACTIONLINT, zizmor: ZIZMOR } as const satisfies Record<
  string,
  ToolPin
>;
export type ToolName = keyof typeof TOOLS;
