export { BUS_SEED_LENGTH, busKeyFiles, checkBusSeed, parseBusKeys, type BusKeys } from './keys.ts';
export { BUS_CLIENTS, BUS_SERVICES, busPeersOf, isBusServer, type BusServer } from './links.ts';
export { fromZ85, toZ85 } from './z85.ts';
