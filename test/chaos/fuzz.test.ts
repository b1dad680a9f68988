/**
 * Servers that answer nonsense: whatever they say to a handshake, about the topology, the commands or a key, every call
 * ends by its deadline, with a value or with the one typed error.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as fc from "fast-check"
import { Strings } from "../../src/commands/Strings.ts"
import { RedisClusterException } from "../../src/RedisClusterException.ts"
import * as ScriptedServer from "../connection/ScriptedServer.ts"
import { connect } from "../harness/Observed.ts"

const id = "a".repeat(40)
const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`
const list = (...items: ReadonlyArray<string>) => `*${items.length}\r\n${items.join("")}`
const map = (...items: ReadonlyArray<string>) => `%${items.length / 2}\r\n${items.join("")}`

/** The replies of a sound server, by command; `own` is its port. */
const sound = (args: ReadonlyArray<string>, own: number): string => {
  const node = list(bulk("127.0.0.1"), `:${own}\r\n`, bulk(id), map())
  switch (args[0].toUpperCase()) {
    case "HELLO":
      return map(bulk("server"), bulk("redis"), bulk("proto"), ":3\r\n", bulk("modules"), list())
    case "CLIENT":
      return "+OK\r\n"
    case "COMMAND":
      return list(list(
        ...[
          bulk("get"),
          ":2\r\n",
          "~1\r\n+readonly\r\n",
          ":1\r\n",
          ":1\r\n",
          ":1\r\n",
          "~0\r\n",
          list(),
          list(),
          list()
        ]
      ))
    case "CLUSTER":
      switch (args[1].toUpperCase()) {
        case "SLOTS":
          return list(list(":0\r\n", ":16383\r\n", node))
        case "SHARDS":
          return list(map(
            ...[bulk("slots"), list(":0\r\n", ":16383\r\n"), bulk("nodes")],
            list(map(bulk("id"), bulk(id), bulk("port"), `:${own}\r\n`, bulk("health"), bulk("online")))
          ))
        default:
          return bulk(id)
      }
    case "MGET":
      return list(...args.slice(1).map(() => bulk("v")))
    case "INCR":
      return ":1\r\n"
    default:
      return bulk("v")
  }
}

const scalar = fc.oneof(
  fc.constantFrom(
    ...[
      "_\r\n",
      "$-1\r\n",
      "*-1\r\n",
      "#t\r\n",
      ",inf\r\n",
      ",1.5\r\n",
      "(99999999999999999999\r\n",
      "=5\r\ntxt:v\r\n"
    ],
    ...["-ERR no\r\n", "-\r\n", "!3\r\nERR\r\n", "-NOAUTH who are you\r\n", "-WRONGPASS no\r\n", "-LOADING wait\r\n"],
    ...["-CLUSTERDOWN The cluster is down\r\n", "-TRYAGAIN later\r\n", "-READONLY no\r\n", "-MASTERDOWN no\r\n"],
    ...[
      "-MOVED\r\n",
      "-MOVED 1\r\n",
      "-MOVED x y\r\n",
      "-MOVED 99999 127.0.0.1:1\r\n",
      "-MOVED 1 :1\r\n",
      "-MOVED 1 ?:2\r\n"
    ],
    ...["-MOVED 1 ::1:99999\r\n", "-MOVED -1 127.0.0.1:1\r\n", "-ASK 1 :0\r\n", "-ASK 1 127.0.0.1:1\r\n", "-ASK\r\n"],
    ...[
      ">0\r\n",
      ">1\r\n:1\r\n",
      ">3\r\n+message\r\n+c\r\n+m\r\n",
      ">2\r\n+invalidate\r\n*0\r\n",
      "|1\r\n+a\r\n+b\r\n:1\r\n"
    ],
    ...[
      "$1000000000\r\n",
      "*999999\r\n",
      "%2\r\n",
      "~3\r\n:1\r\n",
      "garbage\r\n",
      "\r\n",
      "\u0000\u0001\u0002",
      "*?\r\n",
      ""
    ]
  ),
  fc.integer().map((number) => `:${number}\r\n`),
  fc.string({ maxLength: 20 }).map((text) => `$${Buffer.byteLength(text, "latin1")}\r\n${text}\r\n`)
)
const anyReply = fc.oneof(
  { weight: 3, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(scalar, { maxLength: 5 }).map((items) => list(...items)) },
  {
    weight: 1,
    arbitrary: fc.array(fc.tuple(scalar, scalar), { maxLength: 3 }).map((entries) => map(...entries.flat()))
  }
)

interface Nonsense {
  /** The command it is said to, by its first words. */
  readonly to: string
  /** From this call of it on. */
  readonly from: number
  /** In place of the sound answer, or done to it. */
  readonly how: (answer: string) => string
}

const spoil: fc.Arbitrary<(answer: string) => string> = fc.oneof(
  anyReply.map((reply) => () => reply),
  fc.nat(400).map((at) => (answer: string) => answer.slice(0, at % (answer.length + 1))),
  fc.tuple(fc.nat(400), fc.nat(255)).map(([at, byte]) => (answer: string) => {
    const place = at % answer.length
    return answer.slice(0, place) + String.fromCharCode(byte) + answer.slice(place + 1)
  }),
  fc.tuple(fc.nat(400), anyReply).map(([at, reply]) => (answer: string) => {
    const place = at % answer.length
    return answer.slice(0, place) + reply + answer.slice(place)
  }),
  anyReply.map((reply) => (answer: string) => answer + reply)
)
const nonsense: fc.Arbitrary<Nonsense> = fc.record({
  to: fc.constantFrom(
    "HELLO",
    "CLIENT",
    "CLUSTER SLOTS",
    "CLUSTER SHARDS",
    "CLUSTER MYID",
    "COMMAND",
    "GET",
    "MGET",
    "INCR"
  ),
  from: fc.nat(2),
  how: spoil
})

const commandTimeout = 300
const connectTimeout = 200

/** Everything that ended otherwise than it may, in words. */
const complaints = (cases: ReadonlyArray<Nonsense>) =>
  Effect.gen(function*() {
    const found: Array<string> = []
    const seen = new Map<string, number>()
    const server: ScriptedServer.ScriptedServer = yield* ScriptedServer.start((args) => {
      const words = args.join(" ").toUpperCase()
      const said = sound(args, server.endpoint.port)
      const one = cases.find(({ to }) => words === to || words.startsWith(`${to} `))
      if (one === undefined) return said
      const times = seen.get(one.to) ?? 0
      seen.set(one.to, times + 1)
      return times < one.from ? said : one.how(said)
    })
    const check = <A, E>(what: string, limit: number, effect: Effect.Effect<A, E>) =>
      Effect.suspend(() => {
        const started = Date.now()
        return Effect.map(Effect.exit(effect), (exit) => {
          const took = Date.now() - started
          if (took > limit + 700) found.push(`${what} took ${took} ms`)
          if (Exit.isSuccess(exit)) return exit.value
          const failure = Cause.squash(exit.cause)
          if (!(failure instanceof RedisClusterException)) found.push(`${what}: ${Cause.pretty(exit.cause)}`)
          return undefined
        })
      })
    const redis = yield* check(
      "starting",
      // Two questions, on the connection of the node and on that of the seed.
      4 * (connectTimeout + 500),
      Effect.scoped(
        Effect.as(connect({ nodes: server.endpoint, connectTimeout, commandTimeout, drainTimeout: 50 }), true)
      )
    )
    if (redis === undefined) return found
    yield* Effect.scoped(Effect.gen(function*() {
      const redis = yield* connect({ nodes: server.endpoint, connectTimeout, commandTimeout, drainTimeout: 50 }).pipe(
        Effect.catch(() => Effect.succeed(undefined))
      )
      if (redis === undefined) return
      yield* Effect.all([
        check("GET", commandTimeout, redis.get("a")),
        check("INCR", commandTimeout, redis.incr("a")),
        check("MGET nonatomic", commandTimeout, redis.mgetNonatomic(["a", "b", "c"])),
        check("an unknown command", 4 * commandTimeout, redis.send("NO.SUCH", "a")),
        check("a pipeline", commandTimeout, redis.pipelineResults([Strings.get("a"), Strings.incr("a")])),
        check("a refresh", 4 * (connectTimeout + 500), redis.refreshTopology)
      ], { concurrency: "unbounded" })
    }))
    return found
  }).pipe(Effect.scoped)

describe("A client among servers that answer nonsense", { tags: ["long"] }, () => {
  const seed = Number(process.env["FUZZ_SEED"] ?? Math.floor(Math.random() * 1e9))
  it.live("ends every call in time, with a value or a typed error", () =>
    Effect.gen(function*() {
      const cases = fc.sample(fc.array(nonsense, { minLength: 1, maxLength: 2 }), { numRuns: 400, seed })
      const all = yield* Effect.forEach(cases, complaints, { concurrency: 15 })
      const bad = all.flatMap((found, i) =>
        found.map((complaint) =>
          `${
            cases[i].map(({ from, how, to }) => `${to} from ${from}: ${JSON.stringify(how(sound(["GET"], 1)))}`).join(
              " and "
            )
          }` +
          `\n  ${complaint}`
        )
      )
      assert.strictEqual(bad.slice(0, 5).join("\n"), "", `FUZZ_SEED=${seed}`)
    }), 120_000)
})
