export { BUS_SEED, busKeyName, isBusKey, layBusKeys, removeBusKeys } from './lay.ts';
export { rotateBusKeys } from './rotate.ts';
