// The learner's clock may be wrong by minutes; deadlines are the server's. Every answer tells the server's time.
let ahead = 0

/** Takes the Date header of an answer into account. Its resolution of a second is enough for a countdown. */
export function noteServerTime(response: Response): void {
  const date = Date.parse(response.headers.get('Date') ?? '')
  if (Number.isNaN(date)) return
  const measured = date - Date.now()
  if (Math.abs(measured - ahead) > 1500) ahead = measured
}

/** The server's time now, in milliseconds. */
export function serverNow(): number {
  return Date.now() + ahead
}
