/**
 * The issues of schemas without data: they keep the texts of the schema, and nothing of the value.
 */
import type * as Arr from "effect/Array"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { namesIn } from "./schemaTree.ts"

/** Stands in a path for a key that no property of the schema has: a key of a record, which is data. */
const aKey = "[a key]"

/**
 * Makes the errors of a schema show nothing of the value.
 *
 * A path keeps the names of properties and the indexes. The messages that functions of the program make while they run are left out, because
 * they may quote the value; the annotations of the schema stay.
 */
export const withoutData = (schema: Schema.Constraint): (error: Schema.SchemaError) => Schema.SchemaError => {
  let names: ReadonlySet<PropertyKey> | undefined

  const shown = (part: PropertyKey): PropertyKey => {
    names ??= namesIn(schema.ast)
    return typeof part === "number" || names.has(part) ? part : aKey
  }

  const all = ([first, ...others]: Arr.NonEmptyReadonlyArray<SchemaIssue.Issue>) =>
    [cleaned(first), ...others.map(cleaned)] as const

  /** The issue without the input, which a schema may report, and without messages that were made at run time. */
  const cleaned = (issue: SchemaIssue.Issue): SchemaIssue.Issue => {
    switch (issue._tag) {
      case "Filter":
        return new SchemaIssue.Filter(issue.filter, cleaned(issue.issue))
      case "Encoding":
        return new SchemaIssue.Encoding(issue.ast, cleaned(issue.issue))
      case "Pointer":
        return new SchemaIssue.Pointer(issue.path.map(shown), cleaned(issue.issue))
      case "Composite":
        return new SchemaIssue.Composite(issue.ast, all(issue.issues))
      case "AnyOf":
        return new SchemaIssue.AnyOf(issue.ast, issue.issues.map(cleaned))
      case "OneOf":
        return new SchemaIssue.OneOf(issue.ast, issue.successes)
      case "InvalidType":
        return new SchemaIssue.InvalidType(issue.ast)
      case "UnexpectedKey":
        return new SchemaIssue.UnexpectedKey(issue.ast)
      case "InvalidValue": {
        const expected = issue.annotations?.expected
        return new SchemaIssue.InvalidValue(typeof expected === "string" ? { expected } : undefined)
      }
      case "MissingKey":
        return new SchemaIssue.MissingKey(undefined)
      case "Forbidden":
        return new SchemaIssue.Forbidden(undefined)
    }
  }

  return ({ issue }) => new Schema.SchemaError(cleaned(issue))
}
