import { runAction } from '@papergate/delivery';
import { INPUTS, OUTPUTS } from './inputs.ts';
import { cleanUp, loadTest } from './load-test.ts';

void runAction({ name: 'load-test', inputs: INPUTS, outputs: OUTPUTS, main: loadTest, post: cleanUp });
