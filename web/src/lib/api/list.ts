/** A page of any list of the API. */
export interface ListPage<T> {
  items: T[]
  /** Where the next page begins; none: this was the last. */
  next?: string
}
