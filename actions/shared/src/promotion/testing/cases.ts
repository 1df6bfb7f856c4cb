import { ExternalError, UserError } from '@papergate/config';
import { APPROVAL_CASES } from './cases/approvals.ts';
import { DELIVERY_CASES } from './cases/delivery.ts';
import { ENVIRONMENT_CASES } from './cases/environment.ts';
import { FILE_CASES } from './cases/files.ts';
import { MONITORING_CASES } from './cases/monitoring.ts';
import { SUPPLY_CASES } from './cases/supply.ts';
import type { RuleName } from '../types.ts';
import type { World } from './world.ts';

/** One way in which a release must not go to production. */
export interface BadCase {
  title: string;
  rule: RuleName;
  code: string;
  /** Rules that the same fault breaks, too; none where it is left out. */
  also?: readonly RuleName[];
  spoil(world: World): void | Promise<void>;
}

const CONFIG_CASES: BadCase[] = [
  {
    title: 'act runs the workflow',
    rule: 'real-run',
    code: 'RUN_UNDER_ACT',
    spoil: (world) => void (world.act = true),
  },
  {
    title: 'a rule is left out by the configuration alone',
    rule: 'alerts',
    code: 'RULE_LEFT_OUT',
    spoil: (world) => void (world.config.alerts.enabled = false),
  },
  {
    title: 'a rule’s own code breaks',
    rule: 'on-call',
    code: 'RULE_BROKE',
    spoil: (world) => void (world.unreadable = { file: 'onCall', error: new TypeError('of undefined') }),
  },
  {
    title: 'a file cannot be read',
    rule: 'rollback-plan',
    code: 'CHECKPOINTS_UNREADABLE',
    spoil: (world) =>
      void (world.unreadable = {
        file: 'checkpoints',
        error: new ExternalError({ code: 'CHECKPOINTS_UNREADABLE', message: 'no JSON' }),
      }),
  },
  {
    title: 'no trusted root was given',
    rule: 'attestation',
    code: 'TRUSTED_ROOT_MISSING',
    spoil: (world) =>
      void (world.unreadable = {
        file: 'trustedRoot',
        error: new UserError({ code: 'TRUSTED_ROOT_MISSING', message: 'there is none' }),
      }),
  },
];

/** The corpus: each rule broken alone in each of its ways, and each way in which an answer can be missing. */
export const BAD_CASES: readonly BadCase[] = [
  ...CONFIG_CASES,
  ...DELIVERY_CASES,
  ...FILE_CASES,
  ...MONITORING_CASES,
  ...SUPPLY_CASES,
  ...ENVIRONMENT_CASES,
  ...APPROVAL_CASES,
];
