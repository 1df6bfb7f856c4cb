import { decideGate } from '../../gate/index.ts';
import { runLoad } from '../../load/index.ts';
import { writeReport } from '../../report/index.ts';
import { runSmoke } from '../../smoke/index.ts';
import type { ShipStages } from '../types.ts';

/** The stages as they are delivered. */
export const INSTALLED_STAGES: ShipStages = { runSmoke, runLoad, decideGate, writeReport };
