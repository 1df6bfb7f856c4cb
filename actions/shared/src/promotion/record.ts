import { join } from 'node:path';
import type { EnvSource } from '@papergate/config';
import { appendAudit, type AuditHead } from '../deliver/audit.ts';
import type { Actor } from '../deliver/actor.ts';
import type { Place } from '../deliver/types.ts';
import type { Home } from '../home/index.ts';
import { localHost } from '../host/index.ts';
import type { ProductionDecision } from './decide.ts';

/** Where the gate's own record of production lies: an audit log as every place has one. */
export function gatePlace(home: Pick<Home, 'dir'>, env: EnvSource): Place {
  return {
    kind: 'compose',
    environment: 'production',
    project: 'papergate-production',
    host: localHost({ env }),
    dir: join(home.dir, 'places', 'papergate-production'),
  };
}

/** Appends a decision, with its reasons and waivers, to a place's audit log. */
export async function recordDecision(
  place: Place,
  decision: ProductionDecision,
  by: { actor: Actor; at: string },
): Promise<AuditHead> {
  await place.host.files.makeDir(place.dir, 0o700);
  return await appendAudit(place, {
    at: by.at,
    actor: by.actor,
    command: 'gate',
    action: 'gate',
    from: null,
    to: { commit: decision.commit, manifest: decision.manifestDigest },
    outcome: decision.decision,
    detail: {
      moment: decision.moment,
      judged_at: decision.judgedAt,
      reasons: decision.reasons.map(({ rule, code, message }) => ({ rule, code, message })),
      waived: decision.rules.flatMap(({ name, waiver, problems }) =>
        waiver === undefined
          ? []
          : [{ rule: name, reason: waiver.reason, who: waiver.who, instead_of: problems.map(({ code }) => code) }],
      ),
      rules: decision.rules.map(({ name, verdict, config }) => ({ rule: name, verdict, config })),
    },
  });
}
