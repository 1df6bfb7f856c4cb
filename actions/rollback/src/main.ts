import { runAction } from '@papergate/delivery';
import { INPUTS, OUTPUTS } from './inputs.ts';
import { cleanUp, rollback } from './rollback.ts';

void runAction({ name: 'rollback', inputs: INPUTS, outputs: OUTPUTS, main: rollback, post: cleanUp });
