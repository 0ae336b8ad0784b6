/** Accounts that something happened to since the watch looked last. While there are no webhooks, nothing is noted. */
export class Noted {
  /** Their credit moved. */
  moved = new Set<string>()
  /** A request was refused, because they could not pay for it. */
  short = new Set<string>()
}
