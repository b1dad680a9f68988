/** Gives each shard a colour that it keeps, also when another of its nodes becomes the primary. */

interface Members {
  readonly primary: string
  readonly replicas: ReadonlyArray<string>
}

export class ShardColours {
  private readonly byNode = new Map<string, number>()

  /** The number of the colour of each shard, in the order of the shards. */
  assign(shards: ReadonlyArray<Members>): ReadonlyArray<number> {
    const taken = new Set<number>()
    const colours = shards.map((shard) => {
      const known = [shard.primary, ...shard.replicas].map((node) => this.byNode.get(node))
        .find((colour) => colour !== undefined && !taken.has(colour))
      if (known !== undefined) taken.add(known)
      return known
    })
    let next = 0
    return shards.map(({ primary, replicas }, i) => {
      let colour = colours[i]
      if (colour === undefined) {
        while (taken.has(next)) next++
        taken.add(next)
        colour = next
      }
      for (const node of [primary, ...replicas]) this.byNode.set(node, colour)
      return colour
    })
  }
}

/** The hues of the first colours, which are easy to tell apart; further ones are spread over the circle. */
const hues = [255, 45, 165, 300, 85, 205, 355, 130]

/** The hue of a colour, in degrees. */
export const hueOf = (colour: number): number => hues[colour] ?? (colour * 137.5 + 20) % 360
