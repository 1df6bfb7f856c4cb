import { Type, type Static } from 'typebox';

/** Of both strategies that come along. The configuration's own schema has already held their ranges against them. */
export const WindowAndThreshold = Type.Object(
  { window: Type.Integer({ minimum: 2 }), threshold: Type.Number({ exclusiveMinimum: 0 }) },
  { additionalProperties: false },
);
export type WindowAndThreshold = Static<typeof WindowAndThreshold>;
