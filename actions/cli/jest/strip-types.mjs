// Jest runs the very source that production runs: Node's own type stripping, nothing else.
import { stripTypeScriptTypes } from 'node:module';

export default {
  process: (source) => ({ code: stripTypeScriptTypes(source) }),
};
