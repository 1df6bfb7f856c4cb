import {
  debug,
  endGroup,
  error,
  getState,
  info,
  notice,
  saveState,
  setOutput,
  setSecret,
  startGroup,
  warning,
} from '@actions/core';

/** What the runner is told, and how: GitHub's own toolkit. Loaded only when an action runs. */
export const coreCommands = {
  debug,
  endGroup,
  error,
  getState,
  info,
  notice,
  saveState,
  setOutput,
  setSecret,
  startGroup,
  warning,
};

export type RunnerCommands = typeof coreCommands;
