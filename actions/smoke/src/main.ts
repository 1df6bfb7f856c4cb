import { runAction } from '@papergate/delivery';
import { INPUTS, OUTPUTS } from './inputs.ts';
import { cleanUp, smoke } from './smoke.ts';

void runAction({ name: 'smoke', inputs: INPUTS, outputs: OUTPUTS, main: smoke, post: cleanUp });
