// First file of `npm start`, `npm test`, `npm run bench` and `npm run setup`: plain JavaScript without a dependency,
// for the Node that the machine has, in a clone in which nothing is installed yet.
import { launch } from './bootstrap/launch.mjs';

await launch(process.argv.slice(2));
