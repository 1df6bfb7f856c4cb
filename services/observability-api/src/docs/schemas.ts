import { Type, type TSchema } from 'typebox';

export const Text = Type.String();
/** Money and quantities: decimal text, never a float. */
export const DecimalText = Type.String({ description: 'decimal text' });
export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
/** An answer of another service, passed on as it is. */
export const AsIs = Type.Unsafe<unknown>({ type: 'object', additionalProperties: true });
export const ErrorSchema = Type.Object({ code: Text, message: Text, fix: Type.Optional(Text) });
