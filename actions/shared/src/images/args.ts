import { checkCredentials, POLICY_RULES, UserError } from '@papergate/config';

/** Build arguments stay readable in the image's history for good. */
const SECRET_NAME =
  /SECRET|TOKEN|PASSWO?R?D|PASSWD|PASSPHRASE|CREDENTIAL|PRIVATE|(?:^|[_-])(?:API|ACCESS|SIGNING|ENCRYPTION)?[_-]?(?:KEY|KEYS|AUTH|PAT|PIN|CERT|JWT)(?:$|[_-])|APIKEY|DATABASE_URL|DSN/i;

/** Shapes that no harmless value has: a key file, a token of a known maker, a URL with a password in it. */
const SECRET_VALUE: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY/, 'a private key'],
  [/\b(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{20,}/, 'a GitHub token'],
  [/\bglpat-[A-Za-z0-9_-]{16,}/, 'a GitLab token'],
  [/\bnpm_[A-Za-z0-9]{30,}/, 'an npm token'],
  [/\bxox[abprs]-[A-Za-z0-9-]{10,}/, 'a Slack token'],
  [/\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/, 'a JSON web token'],
  [/:\/\/[^/\s:@]*:[^/\s@]+@/, 'a URL with a password in it'],
  [/_authToken\s*=/, 'a registry token'],
];
const KEY_RULES = POLICY_RULES.filter(({ id }) => id === 'smuggled-variable' || id === 'scan-incomplete');

/** What a text holds that must not be in an image; undefined where nothing was found. Never the text itself. */
export function secretShape(text: string): string | undefined {
  const shape = SECRET_VALUE.find(([pattern]) => pattern.test(text))?.[1];
  if (shape !== undefined) return shape;
  // As in production: there no key at all has any business outside its own variable.
  const report = checkCredentials({ environment: 'production', env: { VALUE: text } }, KEY_RULES);
  if (report.ok) return undefined;
  return report.findings.some(({ rule }) => rule === 'smuggled-variable') ? 'an Alpaca key' : 'wrapped text';
}

/** Whether a name says that it is of a secret. */
export const isSecretName = (name: string): boolean => SECRET_NAME.test(name);

/** @throws UserError BUILD_ARG_SECRET, BUILD_ARG_INVALID; the value is never in the message */
export function checkBuildArgs(args: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(args)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw new UserError({
        code: 'BUILD_ARG_INVALID',
        message: `a build argument has a name that is none (${name.length} characters); allowed are letters, digits and _`,
        fix: 'give build arguments as NAME=VALUE',
      });
    }
    const held = secretShape(name) ?? secretShape(value);
    const why = isSecretName(name) ? 'has the name of a secret' : held === undefined ? undefined : `holds ${held}`;
    if (why !== undefined) {
      throw new UserError({
        code: 'BUILD_ARG_SECRET',
        message: `build argument ${secretShape(name) === undefined ? name : '(name withheld)'} ${why}; build arguments can be read in the image by everybody who has it`,
        fix: 'leave it out: services get secrets as files when they run; what the build itself needs is handed in as a build secret (a CA, an .npmrc)',
      });
    }
  }
}
