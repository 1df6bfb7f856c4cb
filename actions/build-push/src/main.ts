import { runAction } from '@papergate/delivery';
import { buildPush, cleanUp } from './build-push.ts';
import { INPUTS, OUTPUTS } from './inputs.ts';

void runAction({ name: 'build-push', inputs: INPUTS, outputs: OUTPUTS, main: buildPush, post: cleanUp });
