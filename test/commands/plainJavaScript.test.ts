import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { isCommand, make, mapKeys } from "../../src/commands/Command.ts"
import { groups } from "../../src/commands/Commands.ts"
import { CommandSpec } from "../../src/commands/CommandSpec.ts"
import { embedded, lookup } from "../../src/commands/table/CommandTable.ts"
import { Generic, Lists, Scripting, Streams, Strings } from "../../src/index.ts"
import { slotOf } from "../../src/routing/CommandSlot.ts"
import { range } from "../harness/range.ts"
import { moduleBuilders } from "../modules/samples.ts"

type Build = (...args: ReadonlyArray<unknown>) => unknown

const methods = [
  ...groups.flatMap((group) => Object.entries(group as unknown as Readonly<Record<string, Build>>)),
  ...moduleBuilders
]

/** Values that programs without types may pass by mistake. */
const odd: ReadonlyArray<unknown> = [
  ...[
    undefined,
    null,
    true,
    0,
    -1,
    1.5,
    Number.NaN,
    Infinity,
    10n,
    "",
    "text",
    "\ud800",
    Symbol("odd"),
    new Date(Number.NaN)
  ],
  ...[
    [],
    [undefined],
    [null, {}],
    {},
    { EX: 10 },
    { expire: "soon" },
    { count: "many", keys: 5 },
    new Map([["a", null]])
  ],
  ...[new Set([1]), new Uint8Array(2), Object.create(null), () => "called", new Error("odd"), new Proxy({}, {})]
]

const problemOf = (command: unknown): string => {
  assert(isCommand(command))
  return command.settings.invalid ?? ""
}

describe("A program without types", () => {
  for (const [name, build] of methods) {
    it(`${name} gives a command whatever is passed: it never throws`, () => {
      const check = (...args: ReadonlyArray<unknown>) => {
        const command = build(...args)
        assert(isCommand(command))
        // It goes its way as far as a node, and every argument can be written.
        if (command.settings.invalid === undefined) {
          slotOf(command)
          for (const arg of command.args) assert(typeof arg === "string" || arg instanceof Uint8Array)
        }
      }
      check()
      for (const value of odd) {
        for (const length of [1, 2, 3, 4, 6, 9]) {
          check(...range(length).map(() => value))
          for (const at of range(length)) check(...range(length).map((i) => i === at ? value : "key"))
        }
      }
    })
  }

  const wrong: ReadonlyArray<readonly [call: string, command: unknown, named: string]> = [
    ["set(k, v, 'EX', 10)", (Strings.set as Build)("k", "v", "EX", 10), "expire"],
    ["set(k, v, { EX: 10 })", (Strings.set as Build)("k", "v", { EX: 10 }), "expire is meant"],
    ["set(k, v, { NX: true })", (Strings.set as Build)("k", "v", { NX: true }), "condition is meant"],
    ["set(k, v, { keep_ttl: true })", (Strings.set as Build)("k", "v", { keep_ttl: true }), "keepTtl is meant"],
    [
      "set(k, v, { expires: '1 second' })",
      (Strings.set as Build)("k", "v", { expires: "1 second" }),
      "expire is meant"
    ],
    [
      "set(k, v, { expire: 10 })",
      (Strings.set as Build)("k", "v", { expire: 10 }),
      "expire must be a duration with a unit"
    ],
    [
      "set(k, v, { keepTtl: 'yes' })",
      (Strings.set as Build)("k", "v", { keepTtl: "yes" }),
      "keepTtl has to be true or false"
    ],
    ["set(k, v, null)", (Strings.set as Build)("k", "v", null), "expected an object with options"],
    ["get(k, 'v')", (Strings.get as Build)("k", "v"), "at most 1 argument"],
    [
      "eval(script, [k], [])",
      (Scripting.eval as Build)("return 1", ["k"], []),
      "expected an object with options (args, keys)"
    ],
    ["eval(script, { keys: 200000 })", (Scripting.eval as Build)("return 1", { keys: 200_000 }), "list"],
    [
      "xreadgroup(..., { BLOCK: 5 })",
      (Streams.xreadgroup as Build)("g", "c", { s: ">" }, { BLOCK: 5 }),
      "block is meant"
    ]
  ]
  it("is told which options there are", () =>
    assert.include(problemOf((Generic.scan as Build)("0", { matching: "*" })), "the options are count, match, type"))

  for (const [call, command, named] of wrong) {
    it(`${call} is refused with the option that is meant`, () => assert.include(problemOf(command), named))
  }
})

describe("A command by name whose arguments cannot be sent", () => {
  const transferred = new Uint8Array(4)
  transferred.buffer.transfer()
  const values: ReadonlyArray<unknown> = [transferred, null, undefined, 5, Symbol("odd"), {}, "\ud800", "-1", "1e30"]
  const calls = values.flatMap((value) => [[value], ["a", value], [value, value], ["a", "2", value], ["BLOCK", value]])

  it("is refused, or fails when it is written: nothing that is asked of it throws", () => {
    for (const name of embedded().entries.keys()) {
      const [first, ...rest] = name.split(" ")
      for (const args of calls) {
        const commands = [
          make(new CommandSpec(name, {}), args as ReadonlyArray<string>, (reply) => reply),
          make(new CommandSpec(first, { keys: 0 }), [...rest, ...args] as ReadonlyArray<string>, (reply) => reply)
        ]
        for (const command of commands) {
          assert.isString(JSON.stringify(command) + command.toString())
          assert(command.blockingTime === undefined || command.blockingTime > 0)
          command.spec.connectionUse(command.args)
          if (command.settings.invalid === undefined) slotOf(command)
        }
        lookup(embedded(), first, [...rest, ...args] as ReadonlyArray<string>)
      }
    }
  })

  it("is about no other key in a namespace", () => {
    const [key] = mapKeys(() => "another")(Strings.get(transferred)).args
    assert.strictEqual(key, transferred)
  })
})

describe("A call with a long list", () => {
  const keys = range(200_000).map((index) => `{k}${index}`)

  it("has room for all keys of a script or a function", () => {
    for (const name of ["eval", "evalRo", "evalsha", "evalshaRo", "fcall", "fcallRo"] as const) {
      const command = Scripting[name]("code", { keys, args: keys })
      assert.strictEqual(problemOf(command), "")
      assert.strictEqual((command as { readonly args: ReadonlyArray<unknown> }).args.length, 400_002)
      assert.isNumber(slotOf(command))
    }
  })
})

describe("Waiting without end", () => {
  it("is said by \"Infinity\" and by an infinite duration alike, and by no other word", () => {
    const endless = Lists.blpop("k", "Infinity").args
    for (const duration of [Duration.infinity, "Infinity"] as const) {
      assert.deepStrictEqual(Lists.blpop("k", duration).args, endless)
      assert.deepStrictEqual(
        Streams.xread({ s: "$" }, { block: duration }).args,
        Streams.xread({ s: "$" }, { block: "Infinity" }).args
      )
    }
    assert.include(problemOf((Lists.blpop as Build)("k", "forever")), "must be a duration with a unit")
  })
})
