/**
 * Finds schemas that do not lead both ways, as far as a schema shows it before a value is there.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"
import { childrenOf } from "../commands/schemaTree.ts"

/** Whether a direction is closed by `SchemaGetter.forbidden`, which fails also where there is no value. */
const isForbidden = (getter: unknown): boolean => {
  if (!Predicate.hasProperty(getter, "_tag") || getter._tag !== "TransformOptionalEffect") return false
  const exit = Effect.runSyncExit(
    // The tag is that of a getter. Requirements of a schema are refused by the types.
    SchemaGetter.run(getter as SchemaGetter.Getter<unknown, unknown>, Option.none(), {})
  )
  if (!Exit.isFailure(exit)) return false
  const issue = Cause.findFail(exit.cause)
  return Result.isSuccess(issue) && Predicate.hasProperty(issue.success.error, "_tag") &&
    issue.success.error._tag === "Forbidden"
}

/** The form of a value that has no JSON codec: whatever it is, if it is JSON. */
const anyJson = (): SchemaAST.AST | undefined => Schema.toCodecJson(Schema.Unknown).ast.encoding?.[0].to

const hasCodec = ({ annotations }: SchemaAST.AST): boolean =>
  Predicate.isFunction(annotations?.toCodecJson) || Predicate.isFunction(annotations?.toCodec)

const nameOf = ({ annotations }: SchemaAST.AST): string => {
  const name = annotations?.identifier ?? annotations?.title ?? annotations?.expected
  return typeof name === "string" ? name : "a declared type"
}

/**
 * The reason why a schema, in the form in which it is used, cannot lead to the servers and back; `undefined` if it shows none.
 *
 * Whether a function of a schema waits is seen when it runs, and not before.
 */
export const oneWay = (schema: Schema.Constraint): string | undefined => {
  const seen = new Set<SchemaAST.AST>()
  const json = anyJson()
  const problemOf = (ast: SchemaAST.AST): string | undefined => {
    if (seen.has(ast)) return undefined
    seen.add(ast)
    for (const { to, transformation } of ast.encoding ?? []) {
      if (isForbidden(transformation.encode)) return "its schema decodes and does not encode"
      if (isForbidden(transformation.decode)) return "its schema encodes and does not decode"
      if (to === json && ast._tag === "Declaration" && !hasCodec(ast)) {
        return `its schema has no JSON codec for ${nameOf(ast)}: use Schema.Class, or annotate toCodecJson`
      }
      const problem = problemOf(to)
      if (problem !== undefined) return problem
    }
    for (const child of childrenOf(ast)) {
      const problem = problemOf(child)
      if (problem !== undefined) return problem
    }
    return undefined
  }
  return problemOf(schema.ast)
}
