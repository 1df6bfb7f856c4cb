import { runAction } from '@papergate/delivery';
import { INPUTS, OUTPUTS } from './inputs.ts';
import { validateCredentials } from './validate-credentials.ts';

void runAction({ name: 'validate-credentials', inputs: INPUTS, outputs: OUTPUTS, main: validateCredentials });
