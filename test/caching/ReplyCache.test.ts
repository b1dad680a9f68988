import { assert, describe, it } from "vitest"
import { CachedReply } from "../../src/caching/CachedReply.ts"
import { CacheStore } from "../../src/caching/CacheStore.ts"
import { copyOf } from "../../src/caching/copyOf.ts"
import { firstKeyOf, keyOf, keysOf } from "../../src/caching/keyOf.ts"
import { nameOf } from "../../src/caching/nameOf.ts"
import * as OneOrMany from "../../src/caching/OneOrMany.ts"
import { type Read, ReplyCache } from "../../src/caching/ReplyCache.ts"
import { SlotEpochs } from "../../src/caching/SlotEpochs.ts"
import { bytesOf, weightOfRead } from "../../src/caching/Weight.ts"
import { ClusterNode } from "../../src/cluster/ClusterNode.ts"
import { Generation } from "../../src/connection/Generation.ts"
import { Command, Generic, Strings } from "../../src/index.ts"
import type { Reply } from "../../src/protocol/Reply.ts"
import type { Shard, Snapshot } from "../../src/topology/Snapshot.ts"
import { range } from "../harness/range.ts"

const hour = 3_600_000

/** A missing key may be taken for missing for so long. */
const longestAbsence = 5000

/** A cache whose replies are all to GET. */
const empty = (maxBytes = 1024 * 1024) => {
  const cache = new ReplyCache<never>({ maxBytes, longestAbsence })
  return {
    cache,
    generation: new Generation(),
    find: (key: string, now = 1, maxAge = hour) => cache.find(key, "GET", maxAge, now),
    begin: (keys: ReadonlyArray<string>, name = "GET", slot = 0) => {
      const read = cache.begin(name, cache.claim(keys), slot)
      assert(read !== undefined)
      return read
    }
  }
}

/** A read of `key` that is written at the time 0 and has its first reply. */
const fetching = (cache: ReplyCache<never>, key: string, generation: Generation | undefined, slot = 0) => {
  const read = cache.begin("GET", cache.claim([key]), slot)
  assert(read !== undefined)
  read.written(generation, 0)
  read.answering()
  return read
}

/** The read on its way that a caller may share. */
const readOf = (cache: ReplyCache<never>, key: string, name: string) =>
  OneOrMany.find(cache.store.find(key)?.reads, name)

const keep = (cache: ReplyCache<never>, read: Read<never>, reply: Reply, ...lifetimes: ReadonlyArray<Reply>) => {
  for (const lifetime of lifetimes.length === 0 ? [-1] : lifetimes) read.lives(lifetime, reply)
  cache.admit(read, reply)
  cache.end(read)
}

/** A cache with a reply for each key. */
const holding = (...keys: ReadonlyArray<string>) => {
  const made = empty()
  const { cache, generation } = made
  keys.forEach((key, slot) => keep(cache, fetching(cache, key, generation, slot), `value of ${key}`))
  return made
}

const shardOf = (port: number): Shard => ({
  primary: new ClusterNode({ id: `node-${port}`, host: "127.0.0.1", port, role: "primary" }),
  replicas: []
})

const [here, there] = [shardOf(7001), shardOf(7002)]

const owned = (...others: ReadonlyArray<number>): Snapshot => ({
  version: 1,
  shards: [here, there],
  slots: range(16384).map((slot) => others.includes(slot) ? there : here),
  nodes: new Map(),
  primaries: [here.primary, there.primary],
  replicas: [],
  aliases: new Map()
})

describe("A reply", () => {
  it("is kept no longer than the server keeps its key, counted from the time of writing", () => {
    const { cache, find, generation } = holding()
    keep(cache, fetching(cache, "k", generation), "v", 100)
    assert.strictEqual(find("k", 98), "v")
    assert.isUndefined(find("k", 99.5))
    assert.strictEqual(cache.store.size, 0)
  })

  it("is served up to the age that its caller allows, and stays for callers that allow more", () => {
    const { find } = holding("k")
    assert.isUndefined(find("k", 10, 10))
    assert.strictEqual(find("k", 10, 11), "value of k")
  })

  it("that is null is kept: a missing key is an answer", () => {
    const { cache, find, generation } = holding()
    keep(cache, fetching(cache, "k", generation), null, -2)
    assert.isNull(find("k"))
  })

  it("of a missing key is not served for longer than a half-open link may last: its slot may move unnoticed", () => {
    const { begin, cache, find, generation } = holding()
    keep(cache, fetching(cache, "k", generation), null, -2)
    const read = begin(["a", "b"], "MGET")
    read.written(generation, 0)
    keep(cache, read, ["1", null], -1, -2)
    assert.isNull(find("k", longestAbsence - 1))
    assert.deepStrictEqual(cache.find("a", "MGET", hour, longestAbsence - 1), ["1", null])
    assert.isUndefined(find("k", longestAbsence))
    assert.isUndefined(cache.find("a", "MGET", hour, longestAbsence))
  })

  it("of a key that has expired since is not kept", () => {
    const { cache, find, generation } = holding()
    keep(cache, fetching(cache, "k", generation), "v", -2)
    assert.isUndefined(find("k"))
  })

  it("is not valid after the end of its socket's generation, and leaves with it", () => {
    const { cache, find, generation } = holding("k")
    generation.end()
    assert.isUndefined(find("k"))
    assert.deepStrictEqual([cache.store.size, cache.store.bytes, cache.store.keys], [0, 0, 0])
    assert.strictEqual(cache.statistics.removed.disconnected, 1)
  })

  it("is not valid by itself, whoever else is told of the end of a generation", () => {
    const over = new Generation()
    over.end()
    const reading = { name: "GET", keys: [], slot: 0, epoch: 0, readAt: 0, expireAt: Number.POSITIVE_INFINITY }
    assert.strictEqual(new CachedReply(reading, over, "v", 1).outdatedBy(1, new SlotEpochs()), "disconnected")
    assert.isUndefined(new CachedReply(reading, new Generation(), "v", 1).outdatedBy(1, new SlotEpochs()))
  })

  it("is not valid after its slot has got another owner, and those of other slots are", () => {
    const { cache, find } = holding("slot 0", "slot 1")
    cache.moved(owned(), owned(0))
    assert.isUndefined(find("slot 0"))
    assert.strictEqual(find("slot 1"), "value of slot 1")
    // The slot comes back, and what was read before is still not valid.
    const again = holding("slot 0")
    again.cache.moved(owned(), owned(0))
    again.cache.moved(owned(0), owned())
    assert.isUndefined(again.find("slot 0"))
  })

  it("goes with a report about one of its keys, and those of other keys stay", () => {
    const { begin, cache, find, generation } = holding("a", "b")
    const read = begin(["a", "b"], "MGET")
    read.written(generation, 0)
    keep(cache, read, ["1", "2"], -1, -1)
    assert.deepStrictEqual(cache.find("a", "MGET", hour, 1), ["1", "2"])
    cache.changed(["b"])
    assert.strictEqual(find("a"), "value of a")
    assert.isUndefined(find("b"))
    assert.isUndefined(cache.find("a", "MGET", hour, 1))
    assert.strictEqual(cache.store.keys, 1)
  })
})

describe("A read that is on its way", () => {
  it("is not kept when a report about its key came between its first reply and its last", () => {
    const { cache, find, generation } = holding()
    const fetch = fetching(cache, "k", generation)
    cache.changed(["k"])
    keep(cache, fetch, "old")
    assert.isUndefined(find("k"))
  })

  it("is kept when the report came before its first reply: it was about an older state", () => {
    const { begin, cache, find, generation } = holding()
    const fetch = begin(["k"])
    fetch.written(generation, 0)
    cache.changed(["k"])
    fetch.answering()
    keep(cache, fetch, "new")
    assert.strictEqual(find("k"), "new")
  })

  it("is not kept when its slot got another owner meanwhile", () => {
    const { cache, find, generation } = holding()
    const fetch = fetching(cache, "k", generation)
    cache.moved(owned(), owned(0))
    keep(cache, fetch, "v")
    assert.isUndefined(find("k"))
    assert.strictEqual(cache.store.size, 0)
  })

  it("is not kept when it came over a socket without reports, or over one that is lost", () => {
    const { cache, find, generation } = holding()
    keep(cache, fetching(cache, "k", undefined), "v")
    const fetch = fetching(cache, "k", generation)
    generation.end()
    keep(cache, fetch, "v")
    assert.isUndefined(find("k"))
  })

  it("is not kept when the server refused to tell the lifetime of its key", () => {
    const { cache, find, generation } = holding()
    keep(cache, fetching(cache, "k", generation), "v", null)
    assert.isUndefined(find("k"))
  })

  it("may be joined until it is as old as its caller allows, counted from the time of writing", () => {
    const { begin, generation } = holding()
    const fetch = begin(["k"])
    assert.isTrue(fetch.isYoung(1, hour))
    fetch.written(generation, 100)
    assert.isTrue(fetch.isYoung(10, 109))
    assert.isFalse(fetch.isYoung(10, 110))
    // The next attempt is written later.
    fetch.failed()
    assert.isTrue(fetch.isYoung(10, 110))
  })

  it("satisfies a caller who came later only while its reply is young and its key lives", () => {
    const { cache, generation } = holding()
    const answered = (reply: Reply, lifetime: Reply) => {
      const fetch = fetching(cache, "k", generation)
      fetch.lives(lifetime, reply)
      return fetch
    }
    assert.isTrue(answered("v", -1).maySatisfy(100, 99))
    assert.isFalse(answered("v", -1).maySatisfy(100, 100))
    assert.isTrue(answered("v", 50).maySatisfy(100, 48))
    assert.isFalse(answered("v", 50).maySatisfy(100, 49))
    assert.isFalse(answered("v", -2).maySatisfy(100, 1))
    assert.isTrue(answered(null, -2).maySatisfy(100, 1))
  })

  it("is shared until something has happened to its key", () => {
    const { cache, generation } = holding()
    const fetch = fetching(cache, "k", generation)
    assert.strictEqual(readOf(cache, "k", "GET"), fetch)
    assert.isUndefined(readOf(cache, "k", "STRLEN"))
    cache.changed(["k"])
    assert.isUndefined(readOf(cache, "k", "GET"))
    const second = fetching(cache, "k", generation)
    const write = cache.writing("k")
    assert.isUndefined(readOf(cache, "k", "GET"))
    cache.end(fetch)
    cache.end(second)
    cache.written(write)
    assert.deepStrictEqual([cache.store.keys, cache.store.bytes], [0, 0])
  })
})

describe("A second read of a command", () => {
  it("takes the place of the first, whose reply is not kept", () => {
    const { cache, find, generation } = holding()
    const [first, second] = [fetching(cache, "k", generation), fetching(cache, "k", generation)]
    assert.strictEqual(readOf(cache, "k", "GET"), second)
    keep(cache, second, "new")
    keep(cache, first, "old")
    assert.strictEqual(find("k"), "new")
    cache.changed(["k"])
    assert.deepStrictEqual([cache.store.keys, cache.store.bytes], [0, 0])
  })
})

describe("A read that ends after its key was forgotten", () => {
  it("does not take a later read of the same key with it", () => {
    const { cache, find, generation } = holding()
    const first = fetching(cache, "k", generation)
    cache.written(cache.writing("k"))
    assert.strictEqual(cache.store.keys, 0)
    const second = fetching(cache, "k", generation)
    keep(cache, first, "old")
    assert.strictEqual(readOf(cache, "k", "GET"), second)
    keep(cache, second, "new")
    assert.strictEqual(find("k"), "new")
    cache.changed(["k"])
    assert.isUndefined(find("k"))
  })
})

describe("A write of this client", () => {
  it("drops the replies of its keys when it is sent and when it has ended, and lets none in between", () => {
    const { cache, find, generation } = holding("k", "other")
    const early = fetching(cache, "k", generation)
    const write = cache.writing("k")
    assert.isUndefined(find("k"))
    assert.strictEqual(find("other"), "value of other")
    keep(cache, early, "old")
    assert.isUndefined(find("k"), "a read that was sent before the write")
    const between = fetching(cache, "k", generation)
    keep(cache, between, "old")
    assert.isUndefined(find("k"), "a read that was sent during the write")
    const late = fetching(cache, "k", generation)
    cache.written(write)
    keep(cache, late, "old")
    assert.isUndefined(find("k"), "a read that may have been executed before the write")
    keep(cache, fetching(cache, "k", generation), "new")
    assert.strictEqual(find("k"), "new")
  })

  it("keeps the cache shut until the last of several writes has ended", () => {
    const { cache } = holding()
    const [first, second] = [cache.writing("k"), cache.writing("k")]
    cache.written(first)
    assert.isTrue(cache.isWritten(["a", "k"]))
    cache.written(second)
    assert.isFalse(cache.isWritten(["a", "k"]))
    assert.strictEqual(cache.store.keys, 0)
  })

  it("to all keys drops everything, the reads that are on their way included", () => {
    const { cache, find, generation } = holding("a", "b")
    const early = fetching(cache, "c", generation)
    cache.writingAll()
    assert.isTrue(cache.isWritten(["any"]))
    cache.writtenAll()
    keep(cache, early, "old")
    assert.isUndefined(find("a"))
    assert.isUndefined(find("c"))
    assert.deepStrictEqual([cache.store.size, cache.store.bytes, cache.store.keys, generation.reliant], [0, 0, 0, 0])
  })
})

describe("The room of the cache", () => {
  /** A store, and the replies that are put into it. */
  const room = (maxBytes: number) => {
    const store = new CacheStore<never>(maxBytes)
    const keep = (text: string, bytes: number, generation: Generation) =>
      store.keep(
        { name: "GET", keys: [store.key(text)], slot: 0, epoch: 0, readAt: 0, expireAt: Number.POSITIVE_INFINITY },
        generation,
        "v",
        bytes
      )
    const find = (text: string) => {
      const replies = store.find(text)?.replies
      assert(!(replies instanceof Map))
      return replies
    }
    return { store, keep, find }
  }

  it("is one bound of bytes; what was served since eviction last came by stays", () => {
    const { find, keep, store } = room(100)
    const generation = new Generation()
    for (const id of ["a", "b", "c", "d"]) assert.strictEqual(keep(id, 25, generation), 0)
    const served = find("a")
    assert(served !== undefined)
    served.isUsed = true
    assert.strictEqual(keep("e", 25, generation), 1)
    assert.isDefined(find("a"))
    assert.isUndefined(find("b"))
    assert.deepStrictEqual([store.bytes, store.size, store.keys, generation.reliant], [100, 4, 4, 4])
    assert.strictEqual(keep("f", 100, generation), 4)
    assert.deepStrictEqual([store.bytes, store.size, store.keys], [100, 1, 1])
  })

  it("is not given to a reply that is larger than all of it, and an equal command's former reply is gone", () => {
    const { find, keep } = room(100)
    const generation = new Generation()
    keep("a", 10, generation)
    keep("b", 10, generation)
    assert.strictEqual(keep("a", 101, generation), -1)
    assert.isUndefined(find("a"))
    assert.isDefined(find("b"))
  })

  it("is kept by random additions, removals and hits, and so are the indexes", () => {
    const { find, keep, store } = room(2000)
    const generations = [new Generation(), new Generation()]
    let seed = 1
    const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below
    for (let i = 0; i < 20_000; i++) {
      const text = `k${random(100)}`
      const known = find(text)
      if (known !== undefined && random(2) === 0) known.isUsed = true
      const what = random(10)
      const key = store.find(text)
      if (what === 0 && key !== undefined) store.removeRepliesOf(key)
      else if (what === 1 && random(50) === 0) store.removeGeneration(generations[random(2)])
      else keep(text, 1 + random(200), generations[random(2)])
    }
    const live = range(100).flatMap((i) => find(`k${i}`) ?? [])
    assert.strictEqual(store.bytes, live.reduce((sum, { bytes }) => sum + bytes, 0))
    assert.isAtMost(store.bytes, 2000)
    assert.strictEqual(store.size, live.length)
    assert.strictEqual(store.keys, live.length)
    for (const generation of generations) {
      assert.strictEqual(generation.reliant, live.filter((one) => one.generation === generation).length)
    }
    assert.strictEqual(store.clear(), live.length)
    assert.deepStrictEqual([store.bytes, store.size, store.keys], [0, 0, 0])
  })

  it("is taken by reads that are on their way as well: replies make room for them, and beyond it none is begun", () => {
    const bytes = weightOfRead("GET", [{ text: "k0" }])
    const { begin, cache, find, generation } = empty(3 * bytes)
    keep(cache, fetching(cache, "kept", generation), "v")
    const reads = range(3).map((i) => begin([`k${i}`]))
    assert.isUndefined(find("kept"))
    assert.strictEqual(cache.store.bytes, 3 * bytes)
    assert.isUndefined(cache.begin("GET", cache.claim(["k3"]), 0))
    for (const read of reads) cache.end(read)
    assert.deepStrictEqual([cache.store.bytes, cache.store.keys], [0, 0])
    begin(["k3"])
  })

  it("holds many commands about one key, and finds each by its name", () => {
    const { begin, cache, generation } = empty()
    for (const i of range(100)) {
      const read = begin(["hash"], `HGET#${i}`)
      read.written(generation, 0)
      keep(cache, read, `${i}`)
    }
    for (const i of range(100)) assert.strictEqual(cache.find("hash", `HGET#${i}`, hour, 1), `${i}`)
    cache.changed(["hash"])
    assert.strictEqual(cache.statistics.removed.changed, 100)
    assert.deepStrictEqual([cache.store.size, cache.store.bytes, cache.store.keys], [0, 0, 0])
  })

  it("counts every part of a reply", () => {
    const flat = bytesOf("ab") + bytesOf("ab")
    for (const reply of [["ab", "ab"], new Map([["ab", "ab"]]), new Set(["ab", "ba"])]) {
      assert.isAbove(bytesOf(reply), flat)
      assert.isBelow(bytesOf(reply), flat + 200)
    }
    assert.isAbove(bytesOf([Buffer.alloc(1000), "x".repeat(1000)]), 2000)
  })
})

describe("The name of a reply", () => {
  it("is no other command's, whatever its arguments contain", () => {
    const texts = ["", "a", "a b", "1:a", "t1:a", "4:{x}a 4:{x}b", "1t1:a", "\0bytes a", "\0b=a", "=a", "b1:a", "\0"]
    const lists = [
      ...texts.flatMap((one) => [[one], [Buffer.from(one)]]),
      ...texts.flatMap((one) => texts.flatMap((other) => [[one, other], [one, Buffer.from(other)]])),
      ["{x}a", "{x}b"],
      ["a", "a", "a"],
      [Buffer.from([0xff]), "a"]
    ]
    const commands = lists.flatMap((keys) => {
      const plain = Strings.mget(keys)
      return [plain, plain.pipe(Command.bytes), plain.pipe(Command.lossyText), Generic.exists(keys)]
    })
    const names = new Map<string, Command.Command<unknown>>()
    for (const command of commands) {
      const name = `${firstKeyOf(command)} ${nameOf(command)}`
      assert.isUndefined(names.get(name), `${JSON.stringify(name)} is the name of two commands`)
      names.set(name, command)
    }
    const bytes = Strings.get(Buffer.from("a"))
    assert.strictEqual(nameOf(Strings.get("a")), nameOf(Strings.get("b")))
    assert.strictEqual(nameOf(bytes), nameOf(Strings.get(new Uint8Array([97]))))
    assert.deepStrictEqual(keysOf(Strings.mget(["a", "b"])), ["a", "b"])
  })
})

describe("A key", () => {
  it("is the text by which servers report it, given as text or as bytes", () => {
    assert.strictEqual(keyOf("é"), "é")
    assert.strictEqual(keyOf(Buffer.from("é")), "é")
    const lone = "a\ud800"
    assert.strictEqual(keyOf(lone), Buffer.from(lone).toString())
    const odd = Buffer.from([0x61, 0xff])
    assert.strictEqual(keyOf(odd), odd.toString())
  })
})

describe("A copy of a reply", () => {
  it("shares nothing that a caller could change", () => {
    const reply: Reply = [
      "a",
      Buffer.from("b"),
      new Map<Reply, Reply>([["c", ["d"]]]),
      new Set<Reply>([Buffer.from("e")])
    ]
    const copy = copyOf(reply)
    assert.deepStrictEqual(copy, copyOf(reply))
    assert(Array.isArray(copy))
    reply.forEach((part, i) => {
      if (typeof part === "object") assert.notStrictEqual(copy[i], part)
    })
    assert.deepStrictEqual([...(copy[1] as Uint8Array)], [0x62])
  })
})
