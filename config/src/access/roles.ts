/** What a token may do, each including the ones before it. */
export const ROLES = ['viewer', 'trader', 'operator'] as const;
export type Role = (typeof ROLES)[number];

/** Whether who has `role` may do what asks for `needed`. */
export function covers(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
