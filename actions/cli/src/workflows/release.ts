import { UserError } from '@papergate/config';
import { ask, type ApiOptions } from './api.ts';

export interface ReleaseOptions extends ApiOptions {
  repository: string;
  /** `v1.2.3`, or with a suffix for one to try: `v1.2.3-rc.1`. */
  tag: string;
  sha: string;
  changelog: string;
}

export interface Released {
  url: string;
  /** The tag that was moved, such as `v1`; undefined for one to try, which moves none. */
  major: string | undefined;
}

const VERSION = /^v(\d+)\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;

/**
 * The part of a changelog (keepachangelog.com) that is about a version, for the release's page.
 * @throws UserError VERSION_INVALID, CHANGELOG_SILENT
 */
export function notesOf(changelog: string, tag: string): string {
  if (!VERSION.test(tag)) {
    throw new UserError({
      code: 'VERSION_INVALID',
      message: `the tag is "${tag}", wanted: v and a version of three numbers, such as v1.2.3 or v1.2.3-rc.1`,
      fix: 'delete the tag and make one of this form',
    });
  }
  const version = tag.slice(1);
  const sections = changelog.split(/^## /m).slice(1);
  const own = sections.find((section) => section.startsWith(`[${version}]`));
  const notes = own?.split('\n').slice(1).join('\n').trim() ?? '';
  if (notes !== '') return notes;
  throw new UserError({
    code: 'CHANGELOG_SILENT',
    message: `CHANGELOG.md says nothing under "## [${version}]"`,
    fix: 'move what is under "## [Unreleased]" there, commit it and tag that commit',
  });
}

/**
 * Writes the release of a tag and, unless it is one to try, moves the tag of its major version there, which is what
 * `uses: owner/name/actions/deploy@v1` follows. The tag moves last: nobody gets it before the release is there.
 * @throws UserError VERSION_INVALID, CHANGELOG_SILENT; ExternalError GITHUB_CALL_FAILED
 */
export async function release(options: ReleaseOptions): Promise<Released> {
  const { repository, tag, sha } = options;
  const body = notesOf(options.changelog, tag);
  const [, number = '', suffix] = VERSION.exec(tag) ?? [];
  const prerelease = suffix !== undefined;
  const there = await ask(options, 'GET', `/repos/${repository}/releases/tags/${tag}`, { expected: [404] });
  const made =
    there.status === 404
      ? await ask(options, 'POST', `/repos/${repository}/releases`, {
          fields: { tag_name: tag, name: tag, body, prerelease },
        })
      : there;
  const page = made.body['html_url'];
  const url = typeof page === 'string' ? page : '';
  if (prerelease) return { url, major: undefined };
  const major = `v${number}`;
  const ref = `/repos/${repository}/git/refs`;
  const moved = await ask(options, 'PATCH', `${ref}/tags/${major}`, {
    fields: { sha, force: true },
    expected: [404, 422],
  });
  // There is none before the first release of a major version; GitHub says 422 to that.
  if (moved.status >= 400) await ask(options, 'POST', ref, { fields: { ref: `refs/tags/${major}`, sha } });
  return { url, major };
}
