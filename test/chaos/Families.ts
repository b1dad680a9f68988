/**
 * The keys of a run: families `{tag}:counter`, `{tag}:register` ..., each of one slot.
 */
import * as HashSlot from "../../src/cluster/HashSlot.ts"

export const shardCount = 3

/** Families by the shards that their slots belong to at the start. All of their tags begin with one letter. */
export class Families {
  /** The tags of each shard whose slots stay where they are. */
  readonly settled: ReadonlyArray<ReadonlyArray<string>>
  /** A family of each shard whose slot may be moved. */
  readonly moving: ReadonlyArray<string>
  readonly all: ReadonlyArray<string>
  private readonly shards: ReadonlyMap<string, number>

  constructor(letter: string) {
    const taken = new Set<number>()
    const tagsOf = (shard: number, count: number): ReadonlyArray<string> => {
      const tags: Array<string> = []
      for (let i = 0; tags.length < count; i++) {
        const tag = `${letter}${shard}-${i}`
        const slot = HashSlot.ofKey(tag)
        if (Math.floor(slot * shardCount / HashSlot.slotCount) !== shard || taken.has(slot)) continue
        taken.add(slot)
        tags.push(tag)
      }
      return tags
    }
    const shards = Array.from({ length: shardCount }, (_, shard) => shard)
    this.settled = shards.map((shard) => tagsOf(shard, 3))
    this.moving = shards.map((shard) => tagsOf(shard, 1)[0])
    this.all = [...this.settled.flat(), ...this.moving]
    this.shards = new Map(this.settled.flatMap((tags, shard) => tags.map((tag) => [tag, shard] as const)))
  }

  readonly shardOf = (tag: string): number | undefined => this.shards.get(tag)
}
