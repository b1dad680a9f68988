import { assert, describe, it, layer } from "@effect/vitest"
import { Cause, Context, Effect, ErrorReporter, Exit, Layer, Schedule, Schema } from "effect"
import { cp, mkdtemp, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { inspect } from "node:util"
import * as entry from "../src/index.ts"
import {
  ConflictError,
  isConflictError,
  isRedisClusterException,
  isUnhealthyError,
  Lock,
  type Outcome,
  Reason,
  RedisClusterException,
  UnhealthyError
} from "../src/index.ts"
import { exception } from "../src/RedisClusterException.ts"

const { LockLostError, LockNotAcquiredError } = Lock
const { PartialFailureError, PipelineError, TransactionError } = Reason
const { members } = Reason.Reason

type Tag = Reason.Reason["_tag"]

const about = (outcome: Outcome) => ({ message: "said", outcome, command: "GET", node: "10.0.0.1:7000", attempts: 3 })

/** The members of the reasons beside the common ones; reasons with nested exceptions follow below. */
const own: Record<Exclude<Tag, "PartialFailureError" | "PipelineError" | "TransactionError">, object> = {
  MovedError: { slot: 3, address: "10.0.0.2:7000" },
  AskError: { slot: 3, address: "10.0.0.2:7000" },
  TryAgainError: {},
  ClusterDownError: {},
  MasterDownError: {},
  LoadingError: {},
  ReadOnlyError: {},
  ReplyError: { code: "ERR" },
  AuthenticationError: {},
  ConnectionError: {},
  TimeoutError: { timeout: Infinity, waitingFor: "reply" },
  OverloadedError: {},
  OvertakenError: { slot: 1 },
  NoReachableNodeError: { causes: [{ node: "10.0.0.1:7000", cause: "refused" }] },
  ClusterDisabledError: {},
  SlotNotCoveredError: { slot: 5 },
  CrossSlotError: { slots: [1, 2] },
  NoKeyError: {},
  UnknownNodeError: {},
  NoTargetError: {},
  TooManyRedirectionsError: { hops: [{ node: "10.0.0.1:7000", reply: "MOVED 1 10.0.0.2:7000" }] },
  ProtocolError: {},
  DecodeError: {},
  ClosedError: {},
  OptionsError: {},
  EncodeError: {}
}

const isOwn = (tag: Tag): tag is keyof typeof own => tag in own
const tagOf = (member: (typeof members)[number]): Tag => member.fields._tag.schema.literal

/** One exception per reason and outcome, and around each a pipeline, a transaction and a split command. */
const flat = members.flatMap((Member) => {
  const tag = tagOf(Member)
  if (!isOwn(tag)) return []
  return (["NotExecuted", "Unknown", "Executed"] as const).map((outcome) =>
    // Each tag has the fields that belong to it.
    new RedisClusterException({
      reason: new (Member as new(fields: object) => Reason.Reason)({ ...about(outcome), ...own[tag] })
    })
  )
})

const nested = flat.flatMap((cause) => {
  const fields = { ...about(cause.outcome), index: 1, cause }
  const within = new RedisClusterException({ reason: new TransactionError(fields) })
  return [
    new RedisClusterException({ reason: new PipelineError(fields) }),
    within,
    new RedisClusterException({ reason: new PipelineError({ ...fields, cause: within }) }),
    new RedisClusterException({
      reason: new PartialFailureError({
        ...about("Unknown"),
        failures: [{ node: "10.0.0.1:7000", keys: [0, 2], error: cause }, { keys: [1], error: within }],
        succeeded: 1
      })
    })
  ]
})

/** All that a program can ask of an exception and of those within. */
const facts = (error: RedisClusterException): unknown => {
  const { reason } = error
  const within = reason._tag === "PartialFailureError"
    ? reason.failures.map((failure) => failure.error)
    : reason._tag === "PipelineError" || reason._tag === "TransactionError"
    ? [reason.cause]
    : []
  return {
    ...reason,
    name: reason.name,
    message: error.message,
    outcome: error.outcome,
    isRetryable: error.isRetryable,
    root: error.root._tag,
    cause: undefined,
    failures: undefined,
    within: within.map(facts)
  }
}

describe("RedisClusterException", () => {
  it("has every reason in this test", () => {
    assert.deepStrictEqual(
      [...Object.keys(own), "PartialFailureError", "PipelineError", "TransactionError"].toSorted(),
      members.map(tagOf).toSorted()
    )
  })

  it.effect("survives its JSON codec whole, with the exceptions within it", () =>
    Effect.gen(function*() {
      const codec = Schema.fromJsonString(Schema.toCodecJson(RedisClusterException))
      for (const error of [...flat, ...nested]) {
        const json = yield* Schema.encodeEffect(codec)(error)
        const back = yield* Schema.decodeEffect(codec)(json)
        assert.deepStrictEqual(facts(back), facts(error))
        assert.isTrue(Reason.isReason(back.reason))
      }
    }))

  it("gives the reason at the bottom", () => {
    for (const error of flat) assert.strictEqual(error.root, error.reason)
    for (const error of nested) assert.include(Object.keys(own), error.root._tag)
  })

  it("is retryable around an entry only when nothing was executed and the entry is", () => {
    for (const cause of flat) {
      const around = new PipelineError({ ...about(cause.outcome), index: 0, cause })
      assert.strictEqual(around.isRetryable, cause.outcome === "NotExecuted" && cause.isRetryable)
    }
  })

  it("comes from an entry point that has none of its helpers", () => {
    assert.notProperty(entry, "exception")
    assert.notProperty(entry, "partialOutcome")
    assert.deepStrictEqual(Object.keys(Reason).toSorted(), ["Reason", "isReason", ...members.map(tagOf)].toSorted())
    // Names that programs had before they had the module.
    assert.deepStrictEqual([entry.MovedError, entry.AskError], [Reason.MovedError, Reason.AskError])
  })
})

const unhealthy = {
  message: "said",
  coveredSlots: 2,
  servedSlots: 1,
  down: [{ node: "10.0.0.1:7000", cause: "refused" }]
}

interface Other {
  readonly Class: unknown
  readonly error: ConflictError | Lock.LockError | UnhealthyError
  /** `isRetryable` and `outcome`. */
  readonly facts: readonly [boolean, Outcome | undefined]
}

/** Every class of errors beside the exception. */
const others: ReadonlyArray<Other> = [
  { Class: ConflictError, error: new ConflictError({ message: "said" }), facts: [true, "NotExecuted"] },
  ...flat.map((cause) => ({
    Class: ConflictError,
    error: new ConflictError({ message: "said", command: "EXEC", node: "10.0.0.1:7000", cause }),
    facts: [true, "NotExecuted"] as const
  })),
  { Class: LockNotAcquiredError, error: new LockNotAcquiredError({ message: "said" }), facts: [true, "NotExecuted"] },
  { Class: LockLostError, error: new LockLostError({ message: "said" }), facts: [false, "Unknown"] },
  { Class: UnhealthyError, error: new UnhealthyError(unhealthy), facts: [true, undefined] }
]

const isErrorClass = (value: unknown): boolean => typeof value === "function" && value.prototype instanceof Error

describe("Each error that is no reason", () => {
  it("is in this test", () => {
    const exported = [...Object.values(entry), ...Object.values(Lock)].filter(isErrorClass)
    const exceptions = [RedisClusterException, entry.MovedError, entry.AskError, entry.ServerError]
    assert.deepStrictEqual(
      new Set(exported.filter((one) => !exceptions.some((other) => other === one))),
      new Set(others.map(({ Class }) => Class))
    )
  })

  it("says whether trying again may help, and what was executed", () => {
    for (const { error, facts } of others) {
      assert.deepStrictEqual([error.isRetryable, "outcome" in error ? error.outcome : undefined], facts)
    }
  })

  it("shows both where it is printed, and its cause", () => {
    for (const { error, facts: [isRetryable, outcome] } of others) {
      const printed = inspect(error)
      assert.include(printed, `_tag: '${error._tag}'`)
      assert.include(printed, `isRetryable: ${isRetryable}`)
      assert.strictEqual(printed.includes("outcome: "), outcome !== undefined)
      assert.strictEqual(printed.includes("cause: {"), isRedisClusterException(error.cause), printed)
      assert.notInclude(printed, "undefined")
    }
  })

  it.effect("survives its JSON codec whole", () =>
    Effect.gen(function*() {
      const codec = Schema.fromJsonString(
        Schema.toCodecJson(Schema.Union([ConflictError, Lock.LockError, UnhealthyError]))
      )
      for (const { error } of others) {
        const back = yield* Schema.decodeEffect(codec)(yield* Schema.encodeEffect(codec)(error))
        assert.strictEqual(back.constructor, error.constructor)
        const own = ({ ...fields }: object) => ({ ...fields, cause: undefined })
        assert.deepStrictEqual(own(back), own(error))
        assert.strictEqual(back.message, error.message)
        const [inner, outer] = [back.cause, error.cause]
        if (isRedisClusterException(outer)) {
          assert.deepStrictEqual(isRedisClusterException(inner) && facts(inner), facts(outer))
        } else assert.isUndefined(inner)
      }
    }))

  it.effect("tells Effect's error reporters what happened", () =>
    Effect.gen(function*() {
      for (const { error, facts: [isRetryable, outcome] } of others) {
        const reported: Array<unknown> = []
        const reporter = ErrorReporter.make(({ attributes, severity }) => {
          reported.push([severity, attributes["redis.reason"], attributes["redis.outcome"]])
        })
        yield* Effect.exit(
          ErrorReporter.report(Cause.fail(error)).pipe(Effect.provide(ErrorReporter.layer([reporter])))
        )
        assert.deepStrictEqual(reported, [[isRetryable ? "Warn" : "Error", error._tag, outcome]])
      }
    }))
})

class Copy extends Context.Service<Copy, typeof entry>()("Copy") {}

const secondCopy = Effect.acquireRelease(
  Effect.promise(async () => {
    const directory = await mkdtemp(join(tmpdir(), "second-copy-"))
    await cp(fileURLToPath(new URL("../src", import.meta.url)), join(directory, "src"), { recursive: true })
    await symlink(fileURLToPath(new URL("../node_modules", import.meta.url)), join(directory, "node_modules"))
    return directory
  }),
  (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
).pipe(
  Effect.flatMap((directory) => Effect.promise(() => import(/* @vite-ignore */ join(directory, "src", "index.ts")))),
  Effect.map((copy) => copy as typeof entry)
)

describe("Two copies of the package in one program", () => {
  layer(Layer.effect(Copy, secondCopy))((it) => {
    it.effect("know each other's values", () =>
      Effect.gen(function*() {
        const copy = yield* Copy
        assert.notStrictEqual(copy.RedisClusterException, RedisClusterException)
        assert.isTrue(entry.Command.isCommand(copy.Strings.get("k")))
        assert.isTrue(entry.ReadFrom.isPolicy(copy.ReadFrom.replica))
        assert.isTrue(entry.isClusterNode(new copy.ClusterNode({ id: "", host: "h", port: 1, role: "primary" })))
        assert.isTrue(entry.Script.isScript(copy.Script.make({ lua: "return 1" })))
        assert.isTrue(entry.FunctionLibrary.isFunctionLibrary(
          copy.FunctionLibrary.make({ name: "l", code: "", functions: {} })
        ))
        const timeout = new copy.Reason.TimeoutError({ ...about("Unknown"), timeout: 5, waitingFor: "reply" })
        const foreign = new copy.RedisClusterException({ reason: timeout })
        assert.isTrue(isRedisClusterException(foreign))
        assert.isTrue(Reason.isReason(timeout))
        assert.isTrue(isConflictError(new copy.ConflictError({ message: "" })))
        assert.isTrue(isUnhealthyError(new copy.UnhealthyError({ ...unhealthy })))
        assert.isTrue(Lock.isLockNotAcquiredError(new copy.Lock.LockNotAcquiredError({ message: "" })))
        assert.isTrue(Lock.isLockLostError(new copy.Lock.LockLostError({ message: "" })))
        assert.isTrue(Lock.isLockError(new copy.Lock.LockLostError({ message: "" })))
        const none = [
          undefined,
          null,
          1,
          "x",
          {},
          new Error("x"),
          { _tag: "TimeoutError", outcome: "Unknown" },
          timeout
        ]
        for (const other of none) {
          assert.isFalse(isRedisClusterException(other))
          assert.strictEqual(Reason.isReason(other), other === timeout)
          assert.isFalse(isConflictError(other))
          assert.isFalse(isUnhealthyError(other))
          assert.isFalse(Lock.isLockError(other))
          assert.isFalse(entry.Command.isCommand(other))
        }
      }))

    it.effect("a transformation sees that the other copy's decoder has failed", () =>
      Effect.gen(function*() {
        const copy = yield* Copy
        const mapped = entry.Command.map(copy.Strings.get("k"), () => "seen")
        assert.isTrue(mapped.decode(["no", "text"]) !== "seen")
      }))

    it.effect("`onConflict` retries the other copy's conflicts", () =>
      Effect.gen(function*() {
        const copy = yield* Copy
        let runs = 0
        const exit = yield* Effect.suspend(() => {
          runs++
          return Effect.fail(
            new copy.ConflictError({ message: "" })
          )
        }).pipe(
          Effect.retry({ ...entry.onConflict, schedule: Schedule.forever, times: 2 }),
          Effect.exit
        )
        assert.isTrue(Exit.isFailure(exit))
        assert.strictEqual(runs, 3)
      }))
  })
})

describe("An exception that is printed or reported", () => {
  const error = exception(() =>
    new Reason.ReplyError({
      message: "INCR on 10.0.0.1:7000: WRONGTYPE not a number",
      code: "WRONGTYPE",
      outcome: "NotExecuted",
      command: "INCR",
      node: "10.0.0.1:7000",
      attempts: 1
    })
  )

  it("says each thing once", () => {
    for (const printed of [String(error), inspect(error), Cause.pretty(Cause.fail(error))]) {
      assert.strictEqual(printed.split("WRONGTYPE not a number").length, 2, printed)
    }
  })

  it("has the command, the node and the attempts at hand", () => {
    assert.deepStrictEqual([error.command, error.node, error.attempts], ["INCR", "10.0.0.1:7000", 1])
  })

  it.effect("tells Effect's error reporters what happened", () =>
    Effect.gen(function*() {
      const reported: Array<unknown> = []
      const reporter = ErrorReporter.make(({ attributes, severity }) => {
        reported.push({ attributes, severity })
      })
      yield* Effect.exit(ErrorReporter.report(Cause.fail(error)).pipe(Effect.provide(ErrorReporter.layer([reporter]))))
      assert.deepStrictEqual(reported, [{
        severity: "Error",
        attributes: {
          "redis.reason": "ReplyError",
          "redis.outcome": "NotExecuted",
          "redis.command": "INCR",
          "redis.node": "10.0.0.1:7000",
          "redis.attempts": 1
        }
      }])
    }))
})
