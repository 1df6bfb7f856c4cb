import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OnProgress } from '../../evidence/index.ts';
import { run } from '../../process/run.ts';
import { withLock } from '../../tools/lock.ts';
import { onPath } from '../../tools/version.ts';
import { lacking, type Environment } from './lacking.ts';

/** What a Docker Engine, an OCI registry and signatures consist of in Debian 13, the first with Compose v2 and buildx. */
export const PACKAGES = [
  'docker.io',
  'docker-cli',
  'containerd',
  'runc',
  'tini',
  'docker-compose',
  'docker-buildx',
  'docker-registry',
  'cosign',
] as const;

const MIRROR = 'http://deb.debian.org/debian';
const KEYRING = 'usr/share/keyrings/debian-archive-keyring.gpg';
/** Its keys for Debian 13 came into the keyring with an update of Debian 12. */
const TRIXIE_KEYS = 'usr/share/keyrings/debian-archive-trixie-stable.gpg';

export interface DebianTools {
  /** Folder with `usr/bin`, `usr/sbin`, `usr/libexec`. */
  root: string;
}

/**
 * The programs of {@link PACKAGES}, out of Debian's archive by this machine's apt with a state of its own: nothing
 * is installed, the packages are unpacked into the cache. apt holds every file against the archive's signature.
 * @throws ExternalError CONTAINERS_MISSING where this is no Debian, or the archive cannot be had
 */
export async function debianTools(options: {
  cacheDir: string;
  env: Environment;
  onProgress: OnProgress;
  signal?: AbortSignal | undefined;
}): Promise<DebianTools> {
  const { cacheDir, env, onProgress, signal } = options;
  for (const program of ['apt-get', 'dpkg']) {
    if ((await onPath(program, env['PATH'])).length === 0)
      throw lacking(`${program} is missing, and only Debian's packages are fetched by themselves`);
  }
  const root = join(cacheDir, `debian-13-${process.arch}-${PACKAGES.length}`);
  if (existsSync(root)) return { root };
  await mkdir(cacheDir, { recursive: true });
  await withLock(
    `${root}.lock`,
    async () => {
      if (!existsSync(root)) await fetchInto(root, options);
    },
    { onWait: (pid) => onProgress({ message: `waiting for Debian's packages, which process ${pid} fetches` }), signal },
  );
  return { root };
}

async function fetchInto(root: string, options: Parameters<typeof debianTools>[0]): Promise<void> {
  const { env, onProgress, signal } = options;
  onProgress({ message: `fetching Debian's ${PACKAGES.join(', ')}` });
  const work = await mkdtemp(`${root}.work-`);
  const apt = (config: string | undefined, ...args: string[]): Promise<string> =>
    must('apt-get', args, {
      cwd: join(work, 'debs'),
      env: { ...env, ...(config === undefined ? {} : { APT_CONFIG: config }) },
      signal,
    });
  try {
    await mkdir(join(work, 'debs'));
    await mkdir(join(work, 'root'));
    const keyring = await trixieKeyring(work, apt, env);
    const config = await aptConfig(work, keyring);
    await apt(config, 'update', '-qq');
    await apt(config, 'download', '-qq', ...PACKAGES);
    await unpack(work, env);
    await replaceUnloadable(work, apt, env);
    await rename(join(work, 'root'), root);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The machine's own keyring where it has the keys of Debian 13; else the newest one of the machine's own release, which apt verifies by the keys that it has. */
async function trixieKeyring(
  work: string,
  apt: (config: undefined, ...args: string[]) => Promise<string>,
  env: Environment,
): Promise<string> {
  if (existsSync(join('/', TRIXIE_KEYS))) return join('/', KEYRING);
  await apt(undefined, 'download', '-qq', 'debian-archive-keyring');
  const keys = join(work, 'keys');
  for (const file of await readdir(join(work, 'debs'))) {
    await must('dpkg', ['-x', join(work, 'debs', file), keys], { env });
    await rm(join(work, 'debs', file));
  }
  if (existsSync(join(keys, TRIXIE_KEYS))) return join(keys, KEYRING);
  throw lacking("this machine's debian-archive-keyring has no key of Debian 13; run apt-get update first");
}

async function aptConfig(work: string, keyring: string): Promise<string> {
  const lists = join(work, 'lists');
  const cache = join(work, 'cache');
  await mkdir(join(lists, 'partial'), { recursive: true });
  await mkdir(join(cache, 'archives', 'partial'), { recursive: true });
  await writeFile(join(work, 'sources.list'), `deb [signed-by=${keyring}] ${MIRROR} trixie main\n`);
  const config = join(work, 'apt.conf');
  await writeFile(
    config,
    [
      `Dir::Etc::sourcelist "${join(work, 'sources.list')}";`,
      'Dir::Etc::sourceparts "/dev/null";',
      `Dir::State::lists "${lists}";`,
      'Dir::State::status "/dev/null";',
      `Dir::Cache "${cache}";`,
      // The user _apt cannot enter the cache of another user.
      'APT::Sandbox::User "root";',
      'APT::Get::AllowUnauthenticated "false";',
      'Acquire::Languages "none";',
      'Acquire::Retries "3";',
      '',
    ].join('\n'),
  );
  return config;
}

async function unpack(work: string, env: Environment): Promise<void> {
  for (const file of await readdir(join(work, 'debs'))) {
    if (file.endsWith('.deb')) await must('dpkg', ['-x', join(work, 'debs', file), join(work, 'root')], { env });
  }
}

/** runc is linked to Debian 13's C library; on Debian 12 its own release's runc takes its place. */
async function replaceUnloadable(
  work: string,
  apt: (config: undefined, ...args: string[]) => Promise<string>,
  env: Environment,
): Promise<void> {
  const runc = join(work, 'root', 'usr', 'sbin', 'runc');
  if (await loads(runc, env)) return;
  await rm(join(work, 'debs'), { recursive: true });
  await mkdir(join(work, 'debs'));
  await apt(undefined, 'download', '-qq', 'runc');
  await rm(runc);
  await rm(join(work, 'root', 'usr', 'bin', 'runc'), { force: true });
  await unpack(work, env);
  if (!(await loads(runc, env))) throw lacking(`neither Debian 13's runc nor this release's loads here`);
}

async function loads(program: string, env: Environment): Promise<boolean> {
  try {
    return (await run(program, ['--version'], { env: { ...env } })).code === 0;
  } catch {
    return false;
  }
}

async function must(
  command: string,
  args: string[],
  options: { cwd?: string; env: Environment; signal?: AbortSignal | undefined },
): Promise<string> {
  const { cwd, env, signal } = options;
  const { code, stdout, stderr } = await run(command, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
    signal,
  });
  if (code === 0) return stdout;
  const words = stderr.split('\n').filter((line) => /^[EW]:/.test(line));
  throw lacking(`${command} ${args[0]} failed: ${words[0] ?? (stderr.trim().split('\n').at(-1) || `exit ${code}`)}`);
}
