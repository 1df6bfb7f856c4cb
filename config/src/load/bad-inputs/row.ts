import type { ConfigFolder } from '../fixtures.ts';

/** What is wrong, how it is made so, the code of the refusal, and texts that the refusal must have in it. */
export type BadInput = readonly [what: string, edit: (folder: ConfigFolder) => void, code: string, ...texts: string[]];

export const INVALID = 'CONFIG_INVALID';
export const SYNTAX = 'CONFIG_SYNTAX';
export const UNREADABLE = 'CONFIG_UNREADABLE';

export const SYSTEM = 'system.staging.json';
export const RISK = 'risk_limits.toml';
export const OVER = 'risk_limits.staging.toml';
