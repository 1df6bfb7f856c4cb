export { serveWorld, type ServedWorld } from './serve.ts';
export { makeManifest, makeWorld, RELEASE, type World } from './world.ts';
