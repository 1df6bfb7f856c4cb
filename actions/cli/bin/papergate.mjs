#!/usr/bin/env node
// `npx papergate …`: the same as the npm scripts, by whatever Node npx runs it with.
import { launch } from '../bootstrap/launch.mjs';

await launch(process.argv.slice(2));
