/**
 * The owners that redirects have named lately: a node that is named as the owner of a slot knows that before others have heard of it.
 */

/** How long a redirect counts for more than an answer that contradicts it, in milliseconds. */
const life = 3000
/** So many redirects are remembered: enough to tell a view that is older. */
const most = 64

export class Claims {
  private readonly claims = new Map<number, { readonly owner: string; readonly at: number }>()

  /** `owner` is an address. */
  add(slot: number, owner: string, time: number): void {
    this.claims.delete(slot)
    this.claims.set(slot, { owner, at: time })
    const [oldest] = this.claims.keys()
    if (this.claims.size > most) this.claims.delete(oldest)
  }

  /** The owners by slot, the latest last. */
  since(time: number): ReadonlyMap<number, string> {
    const owners = new Map<number, string>()
    for (const [slot, { at, owner }] of this.claims) {
      if (time - at > life) this.claims.delete(slot)
      else owners.set(slot, owner)
    }
    return owners
  }
}
