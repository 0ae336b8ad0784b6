import type { Page } from '../admin/page.ts'
import type { Ask } from './resource.ts'

/** All pages of a list, one after the other. */
export async function allOf<T>(
  ask: Ask,
  command: Parameters<Ask>[0],
  query: Readonly<Record<string, string | undefined>>,
): Promise<readonly T[]> {
  const asked = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined))
  const all: T[] = []
  for (let from: number | undefined = 0; from !== undefined;) {
    const page = (await ask(command, { ...asked, limit: '1000', from })) as Page<T>
    all.push(...page.data)
    from = page.next
  }
  return all
}
