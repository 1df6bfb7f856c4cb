import { Secret, UserError, type EnvSource } from '@papergate/config';
import { openGitHub, run, type GitHub } from '@papergate/delivery';
import type { CommandContext } from '../context.ts';

/** The repository's client by flags and environment; the token only by the environment, never by a flag. */
export async function openFor(context: CommandContext, flags: { repository?: string }): Promise<GitHub> {
  const { env, repository: checkout, interrupts } = context;
  return openGitHub({
    apiUrl: given(env['GITHUB_API_URL']),
    token: new Secret(given(env['GITHUB_TOKEN']) ?? given(env['GH_TOKEN']) ?? ''),
    repository: flags.repository ?? given(env['GITHUB_REPOSITORY']) ?? (await ofRemote(checkout, env)),
    env,
    signal: interrupts.stop,
    onRetry: ({ why, pauseMs }) => context.output.err(`  ${why}; again in ${Math.ceil(pauseMs / 1000)} s`),
  });
}

const given = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

/** `owner/name` of the checkout's remote `origin`. @throws UserError GITHUB_REPOSITORY_UNKNOWN */
async function ofRemote(checkout: string, env: EnvSource): Promise<string> {
  const { code, stdout } = await run('git', ['-C', checkout, 'remote', 'get-url', 'origin'], {});
  const url = stdout.trim();
  const host = new URL(given(env['GITHUB_SERVER_URL']) ?? 'https://github.com').host;
  const path = url.split(`${host}/`)[1] ?? url.split(`${host}:`)[1];
  if (code === 0 && path !== undefined) return path.replace(/\.git$/, '').replace(/^\d+\//, '');
  throw new UserError({
    code: 'GITHUB_REPOSITORY_UNKNOWN',
    message: `which repository is meant? ${checkout} has ${code === 0 ? `the remote origin ${withoutUser(url)}, which is not at ${host}` : 'no remote origin'}`,
    fix: 'give --repository owner/name',
  });
}

const withoutUser = (url: string): string => url.replace(/\/\/[^/@]*@/, '//');
