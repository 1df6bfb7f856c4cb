export { readGateEvidence } from '@papergate/delivery';
