import { runAction } from '@papergate/delivery';
import { cleanUp } from './clean-up.ts';
import { deploy } from './deploy.ts';
import { INPUTS, OUTPUTS } from './inputs.ts';

void runAction({ name: 'deploy', inputs: INPUTS, outputs: OUTPUTS, main: deploy, post: cleanUp });
