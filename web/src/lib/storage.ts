/** Reads a value of ours from the browser's storage; fallback when there is none, it is broken, or storage is closed. */
export function recall<T>(key: string, fallback: T, valid: (value: unknown) => value is T): T {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(`cloudkida.${key}`) ?? 'null')
    return valid(value) ? value : fallback
  } catch {
    return fallback
  }
}

/** Keeps a value for the next visit. A full or closed storage loses a convenience, nothing more. */
export function keep(key: string, value: unknown): void {
  try {
    localStorage.setItem(`cloudkida.${key}`, JSON.stringify(value))
  } catch {
    // nothing to tell: the page works without
  }
}
