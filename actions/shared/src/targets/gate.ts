import { checkCredentials, POLICY_RULES, type GateEvidence } from '@papergate/config';
import type { Place } from '../deliver/types.ts';
import type { Check } from '../evidence/index.ts';
import type { Manifest } from '../release/manifest.ts';

/** The file behind which a release's services run in production (`GATE_EVIDENCE_FILE`); it lies with the release. */
export const GATE_FILE = 'gate-evidence.json';

const RULES = POLICY_RULES.filter(({ id }) => id === 'gate');

interface Asked {
  place: Pick<Place, 'environment' | 'host'>;
  /** Of the release's own file. */
  path: string;
  manifest: Manifest;
  /** What the caller brings for the release that it delivers. */
  given: GateEvidence | undefined;
}

/** What the gate said of a release: brought by the caller, else what was laid down beside it when it was delivered. */
export async function gateOf({ place, path, manifest, given }: Asked): Promise<GateEvidence | undefined> {
  if (place.environment !== 'production') return undefined;
  if (given?.manifest_digest === manifest.digest) return given;
  const text = await place.host.files.read(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as GateEvidence;
  } catch {
    return undefined;
  }
}

/** Whether production is open for exactly this release; none elsewhere, where there is no gate to pass. */
export function gateChecks(
  { place, manifest }: Pick<Asked, 'place' | 'manifest'>,
  gate: GateEvidence | undefined,
): Check[] {
  if (place.environment !== 'production') return [];
  const name = 'the gate has opened production for this release';
  const found = problemOf(manifest, gate);
  if (found === undefined) return [{ name, status: 'passed', observed: gate?.approved_at ?? '' }];
  return [{ name, status: 'failed', observed: 'closed', limit: 'open', detail: found }];
}

function problemOf(manifest: Manifest, gate: GateEvidence | undefined): string | undefined {
  const env = { RELEASE_SHA: manifest.commit };
  const [finding] = checkCredentials({ environment: 'production', env, gate }, RULES).findings;
  if (finding !== undefined) return finding.message;
  if (gate?.manifest_digest === manifest.digest) return undefined;
  return `the gate has opened production for the manifest ${gate?.manifest_digest ?? ''}, and ${manifest.digest} is delivered`;
}

/** Lays the evidence down beside a release, where it is not there yet. Not secret: it names people and digests. */
export async function layGate({ place, path, manifest, given }: Asked): Promise<void> {
  const gate = await gateOf({ place, path, manifest, given });
  if (gate === undefined) return;
  const text = `${JSON.stringify(gate, null, 2)}\n`;
  if ((await place.host.files.read(path)) !== text) await place.host.files.write(path, text, 0o644);
}
