export { findTool, type FindToolOptions, type FoundTool } from './find.ts';
export { TOOLS, type ToolName, type ToolPin } from './pins.ts';
export { toolCache } from './cache.ts';
export { runProgram, type RunOptions, type RunResult } from './run.ts';
