/**
 * The values that scripts get and return.
 */
import { ServerError } from "../../protocol/Reply.ts"
import { type Answer, Double, Members, Nothing, NullArray, Pairs, Push, Simple, Verbatim } from "./Answer.ts"
import { type Bytes, formatDouble, toText } from "./Bytes.ts"

/**
 * A value that a script returns, or gets as the reply to a command: a reply as Lua sees it, with `null` for `false`.
 */
export type ScriptValue = string | number | bigint | null | ServerError | ReadonlyArray<ScriptValue>

/** The input of a registered script. */
export interface ScriptInput {
  readonly keys: ReadonlyArray<string>
  readonly args: ReadonlyArray<string>
  /** `redis.pcall`: runs a command on the node; an error reply is a value. */
  readonly call: (...words: ReadonlyArray<string | number>) => ScriptValue
}

export type ScriptCall = (input: ScriptInput) => ScriptValue

/** A script of the library itself, whose arguments and values need not be text. */
export type ByteScript = (
  call: (...words: ReadonlyArray<Bytes>) => Answer,
  keys: ReadonlyArray<Bytes>,
  args: ReadonlyArray<Bytes>
) => Answer

/** A reply as a plain value. */
export const toValue = (answer: Answer): ScriptValue => {
  if (typeof answer === "string") return toText(answer)
  if (answer === null || answer instanceof NullArray || answer instanceof Nothing) return null
  if (typeof answer === "number" || typeof answer === "bigint" || answer instanceof ServerError) return answer
  if (typeof answer === "boolean") return answer ? 1 : null
  if (answer instanceof Double) return formatDouble(answer.value)
  if (answer instanceof Simple || answer instanceof Verbatim) return toText(answer.text)
  const items = answer instanceof Pairs || answer instanceof Members || answer instanceof Push ? answer.items : answer
  return items.map(toValue)
}
