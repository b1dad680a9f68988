/**
 * One call of a command: its arguments, its database, and its session.
 *
 * Each read of an argument or a key notes the first problem. A command checks `failed` once, before it changes
 * anything; the failure then is the reply, whatever the command returns.
 */
import { upperCase } from "../../commands/words.ts"
import type { ServerError } from "../../protocol/Reply.ts"
import { type Answer, failure, notFloat, notInteger, syntaxError, wrongType } from "./Answer.ts"
import { type Bytes, parseFloat64, parseInt64, parseInteger } from "./Bytes.ts"
import { type Database, HashValue, type Type, type Value, type Values } from "./Database.ts"
import { JsonDocument } from "./JsonValue.ts"
import type { NodeRole, SessionRole } from "./Roles.ts"
import { SortedSet } from "./SortedSet.ts"
import { StreamValue } from "./StreamValue.ts"

/** A command: its number of words (negative for a minimum), whether it changes data, and its function. */
export interface Definition {
  readonly arity: number
  readonly write: boolean
  readonly run: (call: Call) => Answer
}

/** Commands by name in upper case. */
export type Group = Readonly<Record<string, Definition>>

export const read = (arity: number, run: Definition["run"]): Definition => ({ arity, write: false, run })
export const write = (arity: number, run: Definition["run"]): Definition => ({ arity, write: true, run })

const emptyValue: { readonly [T in Type]: () => Values[T] } = {
  string: () => "",
  list: () => [],
  hash: () => new HashValue(),
  set: () => new Set(),
  zset: () => new SortedSet(),
  stream: () => new StreamValue(),
  "ReJSON-RL": () => new JsonDocument(null)
}

export class Call {
  /** The words, the command's name first. */
  readonly args: ReadonlyArray<Bytes>
  readonly session: SessionRole
  readonly node: NodeRole
  readonly db: Database
  /** Whether it is one of the commands of EXEC, and must not wait. */
  readonly inTransaction: boolean
  failure: ServerError | undefined = undefined

  constructor(args: ReadonlyArray<Bytes>, session: SessionRole, inTransaction = false) {
    this.args = args
    this.inTransaction = inTransaction
    this.session = session
    this.node = session.node
    this.db = session.node.database
  }

  get failed(): boolean {
    return this.failure !== undefined
  }

  get now(): number {
    return this.node.cluster.now()
  }

  get name(): string {
    return this.args[0].toLowerCase()
  }

  /** Notes a problem, unless there was one before. */
  fail(error: ServerError): null {
    this.failure ??= error
    return null
  }

  refuse(message: string): null {
    return this.fail(failure(message))
  }

  syntax(): null {
    return this.fail(syntaxError)
  }

  /** An argument in upper case, as options are compared. */
  word(index: number): string {
    return upperCase(this.args[index] ?? "")
  }

  integer(index: number, error: ServerError = notInteger): number {
    const value = parseInteger(this.args[index] ?? "")
    if (value === undefined) this.fail(error)
    return value ?? 0
  }

  int64(index: number): bigint {
    const value = parseInt64(this.args[index] ?? "")
    if (value === undefined) this.fail(notInteger)
    return value ?? 0n
  }

  float(index: number, error: ServerError = notFloat): number {
    const value = parseFloat64(this.args[index] ?? "")
    if (value === undefined) this.fail(error)
    return value ?? 0
  }

  /** The arguments from `start` on, `step` words apart. */
  every(start: number, step = 1): ReadonlyArray<Bytes> {
    return step === 1 ? this.args.slice(start) : this.args.filter((_, i) => i >= start && (i - start) % step === 0)
  }

  /** The value of a key that has to be of a type, or absent. */
  find<T extends Type>(type: T, key: Bytes): Values[T] | undefined {
    const content = this.db.get(key)?.content
    if (content === undefined) return undefined
    if (isOf(content, type)) return content.value
    this.fail(wrongType)
    return undefined
  }

  /** The value of a key, which is made when it is absent. Call it when nothing can fail any more. */
  obtain<T extends Type>(type: T, key: Bytes): Values[T] {
    const found = this.find(type, key)
    if (found !== undefined) return found
    const value = emptyValue[type]()
    this.db.put(key, this.db.set(key, contentOf(type, value)))
    return value
  }

  /** The result of `use` for the first key that exists; `undefined` when none exists. */
  firstOf<T extends Type>(
    type: T,
    keys: ReadonlyArray<Bytes>,
    use: (key: Bytes, value: Values[T]) => Answer
  ): Answer | undefined {
    for (const key of keys) {
      const value = this.find(type, key)
      if (this.failed) return null
      if (value !== undefined) return use(key, value)
    }
    return undefined
  }

  /** Reports a value that was changed in place, with the name of the event. */
  touch(key: Bytes, event: string, kind: string): void {
    this.event(event, kind, key)
    this.db.changed(key)
  }

  /** Sets the value of a key, or removes the key when the value is an empty collection. */
  store(key: Bytes, content: Value, size: number, event: string, kind: string): void {
    if (size > 0) {
      this.db.set(key, content)
      this.event(event, kind, key)
    } else if (this.db.delete(key)) this.event("del", "g", key)
  }

  event(event: string, kind: string, key: Bytes): void {
    this.node.notify(event, kind, key)
  }
}

const isOf = <T extends Type>(content: Value, type: T): content is Extract<Value, { readonly type: T }> & {
  readonly value: Values[T]
} => content.type === type

/** The pair of a type and its value, which TypeScript cannot see as one of the union while `T` is open. */
const contentOf = <T extends Type>(type: T, value: Values[T]): Value => ({ type, value }) as unknown as Value
