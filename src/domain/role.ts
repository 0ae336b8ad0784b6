/** What somebody may do, from the least to the most: each of the staff may do all that those before it may. */
export const STAFF_ROLES = ['viewer', 'support', 'admin', 'owner'] as const
export type StaffRole = (typeof STAFF_ROLES)[number]

/** Users spend the credit of their account and see what is theirs; the staff operates the gateway and does not spend. */
export type Role = 'user' | StaffRole

export const isStaff = (role: Role): role is StaffRole => role !== 'user'

/** Whether a role may do what another one is needed for. */
export const reaches = (role: Role, needed: StaffRole): boolean =>
  isStaff(role) && STAFF_ROLES.indexOf(role) >= STAFF_ROLES.indexOf(needed)

/** Whether somebody may give a role to others, or take it away. */
export function mayHandOut(own: Role, role: Role): boolean {
  if (own === 'owner') return true
  if (role === 'user') return reaches(own, 'support')
  return own === 'admin' && !reaches(role, 'admin')
}
