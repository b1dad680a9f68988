/** The expiry of a value as options on the wire. */
import type { Call } from "./Call.ts"
import type { Expiry, ExpiryOrKeep, ExpiryOrPersist } from "./Options.ts"

/** Adds `EX`, `PX` or `PXAT`, and refuses more than one kind of expiry. */
export const addExpiry = (
  self: Call,
  options: Expiry | ExpiryOrKeep | ExpiryOrPersist
): Call => {
  const keepTtl = "keepTtl" in options && options.keepTtl === true
  const persist = "persist" in options && options.persist === true
  const given = [options.expire !== undefined, options.expireAt !== undefined, keepTtl, persist]
  if (given.filter(Boolean).length > 1) {
    return self.refuse("expire, expireAt, keepTtl and persist exclude one another: give one of them")
  }
  if (options.expire !== undefined) self.lifetime("expire", options.expire, "EX", "PX")
  if (options.expireAt !== undefined) self.add("PXAT").instant("expireAt", options.expireAt, "milliseconds")
  return self.flag("KEEPTTL", keepTtl).flag("PERSIST", persist)
}
