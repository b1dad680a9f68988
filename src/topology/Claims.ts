/**
 * The owners that redirects have named lately. The new owner of a slot is known from redirects before all nodes have
 * learnt of it.
 */

/** For so long, in milliseconds, a redirect outweighs an answer that contradicts it. */
const life = 3000
/** The number of redirects that are remembered: enough to recognize an outdated view. */
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
