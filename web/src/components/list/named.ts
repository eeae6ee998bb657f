/** As many are seen at a glance: nobody needs to search them. */
export const few = 6

/** Those of a short list whose name has the words in it. */
export function named<T extends { name: string }>(items: T[], q = ''): T[] {
  const words = q.toLocaleLowerCase()
  return items.filter(({ name }) => name.toLocaleLowerCase().includes(words))
}
