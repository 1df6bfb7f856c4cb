import { runAction } from '@papergate/delivery';
import { cleanUp, gate } from './gate.ts';
import { INPUTS, OUTPUTS } from './inputs.ts';

void runAction({ name: 'gate', inputs: INPUTS, outputs: OUTPUTS, main: gate, post: cleanUp });
