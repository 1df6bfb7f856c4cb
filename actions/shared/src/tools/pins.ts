/** A program from outside that delivery needs, in the one version with which it was tried. */
export interface ToolPin {
  name: string;
  version: string;
  /** Arguments that make it say its version, and where in the answer the version stands. */
  versionArgs: readonly string[];
  versionPattern: RegExp;
  /** The official release: folder URL, archive and checksums file in it. Undefined where none is made for the machine. */
  release(platform: string, arch: string): ReleaseFiles | undefined;
  /** How to build it: `go build <package>` in a module of this repository whose go.sum pins every source. */
  go: { module: string; package: string };
  /** For people: where to get it by hand. */
  homepage: string;
}

export interface ReleaseFiles {
  base: string;
  archive: string;
  checksums: string;
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

export const TOOLS = { k6: K6 } as const satisfies Record<string, ToolPin>;
export type ToolName = keyof typeof TOOLS;
