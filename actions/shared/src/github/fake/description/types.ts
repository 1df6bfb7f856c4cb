/** A part of a description: a schema, a parameter, a reference. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface Operation {
  parameters?: JsonObject[];
  requestBody?: JsonObject;
  responses: Record<string, JsonObject>;
}

/** GitHub's description of its API (OpenAPI 3.0), or the part of it that the fake serves. */
export interface Description {
  paths: Record<string, Record<string, Operation>>;
  components: Record<string, Record<string, Json>>;
}

/** The part that is kept, with where it came from. */
export interface Extract extends Description {
  from: { package: string; version: string; integrity: string; file: string };
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
