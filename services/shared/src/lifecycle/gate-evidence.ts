import { readSecretFiles, UserError, type Environment, type EnvSource, type GateEvidence } from '@papergate/config';

const NAME = 'GATE_EVIDENCE_FILE';
const FIX = `deliver this commit through the gate, and let ${NAME} be the path of the evidence that it left`;

/**
 * The gate's evidence, for the policy: what the file holds that `GATE_EVIDENCE_FILE` names. Only production asks for it.
 * Whether it is complete and of the commit that runs is the policy's business, and so is that there is none at all.
 *
 * @throws UserError GATE_EVIDENCE_UNREADABLE, RELEASE_UNKNOWN
 */
export function readGateEvidence(environment: Environment, env: EnvSource): GateEvidence | undefined {
  if (environment !== 'production') return undefined;
  requireRelease(env);
  const path = env[NAME];
  if (path === undefined || path === '') return undefined;
  const [file] = readSecretFiles({ [NAME]: path });
  if (file === undefined) throw unreadable('cannot be read: it is absent, no plain file, too large or not allowed');
  let value: unknown;
  try {
    value = JSON.parse(file.content);
  } catch {
    // The parser's message quotes the text, and nobody knows yet what that text is.
    throw unreadable('is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unreadable('is no JSON object');
  return value as GateEvidence;
}

/** Evidence is bound to a commit: a process that does not know which commit it is cannot be the one that was approved. */
function requireRelease(env: EnvSource): void {
  if (/^[0-9a-f]{40}$/.test(env['RELEASE_SHA'] ?? '')) return;
  throw new UserError({
    code: 'RELEASE_UNKNOWN',
    message: `RELEASE_SHA is ${env['RELEASE_SHA'] === undefined ? 'not set' : 'no commit'}; in production it is the commit that runs, 40 hexadecimal digits`,
    fix: 'set RELEASE_SHA to the commit that the gate has approved',
  });
}

// The path is not told: what is put into the wrong variable may be a secret.
const unreadable = (what: string): UserError =>
  new UserError({ code: 'GATE_EVIDENCE_UNREADABLE', message: `the file that ${NAME} names ${what}`, fix: FIX });
