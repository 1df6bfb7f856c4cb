/** In place of actions that ask GitHub to sign for this workflow: there is nobody here who could. They say so, and sign nothing. */
import { say } from './surroundings.ts';

say('::notice title=no attestation::a run on this machine has no identity that anybody trusts; nothing is attested');
